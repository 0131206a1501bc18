"""A small Salesforce on a local port: log-in, SOQL with pages, records, upsert by external id, limits, and its errors.
What the real one would not take is refused with the real error; ``faults`` are served instead of, or after, the next calls.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import jwt
from aiohttp import web
from aiohttp.test_utils import TestServer

from inbox.clock import Clock, SystemClock
from tests.emulators import soql
from tests.emulators.salesforce_fields import DEFAULTS, OBJECTS, PREFIXES, TARGETS, Field

_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:T[\d:.]+Z?)?")


class Refused(Exception):
    """An answer in Salesforce's form: a list with one error."""

    def __init__(self, status: int, code: str, message: str, fields: tuple[str, ...] | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.body: list[dict[str, Any]] = [{"message": message, "errorCode": code}]
        if fields is not None:
            self.body[0]["fields"] = list(fields)


@dataclass
class Fault:
    """``kind``: busy (503 page), throttled (429), limit, expired, lost (done, no answer), late (done, the answer
    does not come until ``hold`` is set), hang, garbage, or an errorCode.
    """

    kind: str
    path: str = ""  # only calls whose path has this
    method: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Call:
    method: str
    path: str
    payload: dict[str, Any] | None = None
    query: str = ""


class SalesforceStandIn:
    def __init__(self, *, version: str = "64.0", page: int = 2000, clock: Clock | None = None) -> None:
        self.version, self.page = version, page
        self.clock = clock or SystemClock()
        self.client_id, self.secrets, self.username = "3MVG9-invented", {"an-invented-secret"}, "inbox@larkmoor.example"
        self.public_key: Any = None
        self.audience = "https://login.salesforce.com"
        self.records: dict[str, list[dict[str, Any]]] = {kind: [] for kind in OBJECTS}
        self.objects = {kind: dict(fields) for kind, fields in OBJECTS.items()}
        self.faults: list[Fault] = []
        self.calls: list[Call] = []
        self.logins = 0
        self.calls_left = 14_998
        self.hold: asyncio.Event | None = None  # "hang" ends when it is set
        self._tokens: set[str] = set()
        self._cursors: dict[str, list[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._server: TestServer | None = None

    # -- running it

    async def start(self, port: int | None = None) -> str:
        app = web.Application(client_max_size=10_000_000)
        base = "/services/data/v{version}"
        app.add_routes([
            web.post("/services/oauth2/token", self._token),
            web.get(base + "/query", self._api), web.get(base + "/query/{cursor}", self._api), web.get(base + "/limits", self._api),
            web.route("*", base + "/sobjects/{kind}", self._api), web.get(base + "/sobjects/{kind}/describe", self._api),
            web.route("*", base + "/sobjects/{kind}/{id}", self._api),
            web.route("*", base + "/sobjects/{kind}/{field}/{value}", self._api), web.route("*", "/{rest:.*}", self._api),
        ])  # fmt: skip
        self._server = TestServer(app, port=port)
        await self._server.start_server()
        return self.url

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.port}"

    async def stop(self) -> None:
        if self.hold:
            self.hold.set()
        if self._server:
            await self._server.close()

    def end_sessions(self) -> None:
        self._tokens.clear()

    def rows(self, kind: str) -> list[dict[str, Any]]:
        return [r for r in self.records[kind] if not r["IsDeleted"]]

    def put(self, kind: str, **values: Any) -> str:
        """Create a record by hand; its id."""
        return self._create(kind, values)["Id"]

    # -- log-in

    async def _token(self, request: web.Request) -> web.StreamResponse:
        self.logins += 1
        fault = self._fault(request)
        if fault:
            return await self._served(fault, request)
        form = await request.post()
        if form.get("grant_type") == "client_credentials":
            if form.get("client_id") != self.client_id:
                return _oauth("invalid_client_id", "client identifier invalid")
            if form.get("client_secret") not in self.secrets:
                return _oauth("invalid_client", "invalid client credentials")
        elif form.get("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            refusal = self._assertion_problem(str(form.get("assertion")))
            if refusal:
                return refusal
        else:
            return _oauth("unsupported_grant_type", "grant type not supported")
        token = f"00D-invented!{next(self._numbers)}"
        self._tokens.add(token)
        return web.json_response({
            "access_token": token, "instance_url": self.url, "id": f"{self.url}/id/00D/005", "token_type": "Bearer",
            "issued_at": "1773241200000", "signature": "c2ln",
        })  # fmt: skip

    def _assertion_problem(self, assertion: str) -> web.Response | None:
        options = {"verify_exp": False, "require": ["exp", "iss", "sub", "aud"]}
        try:
            claims = jwt.decode(assertion, self.public_key, ["RS256"], audience=self.audience, options=options)
        except jwt.InvalidAudienceError:
            return _oauth("invalid_grant", "audience is invalid")
        except (jwt.PyJWTError, TypeError, ValueError):
            return _oauth("invalid_assertion", "signature is invalid")
        left = claims["exp"] - self.clock.now().timestamp()
        if not 0 < left <= 300:
            return _oauth("invalid_grant", "assertion is expired")
        if claims["iss"] != self.client_id:
            return _oauth("invalid_client_id", "client identifier invalid")
        if claims["sub"] != self.username:
            return _oauth("invalid_grant", "user hasn't approved this consumer")
        return None

    # -- the API

    async def _api(self, request: web.Request) -> web.StreamResponse:
        payload = await request.json() if request.can_read_body else None
        self.calls.append(Call(request.method, request.path, payload, request.query.get("q", "")))
        fault = self._fault(request)
        if fault and fault.kind not in ("lost", "late"):
            return await self._served(fault, request)
        try:
            answer = self._answer(request, payload)
        except Refused as refused:
            answer = web.json_response(refused.body, status=refused.status)
        if fault:
            return await self._served(fault, request)
        return answer

    def _answer(self, request: web.Request, payload: Any) -> web.StreamResponse:
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self._tokens:
            raise Refused(401, "INVALID_SESSION_ID", "Session expired or invalid")
        if self.calls_left <= 0:
            raise Refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self.calls_left -= 1
        match = request.match_info
        if match.get("version") != self.version:
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        if request.path.endswith("/limits"):
            return web.json_response({"DailyApiRequests": {"Max": 15_000, "Remaining": self.calls_left}})
        if "/query" in request.path:
            return web.json_response(self._query(request))
        kind = match.get("kind", "")
        if kind not in self.objects:
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        if request.path.endswith("/describe"):
            return web.json_response(self._described(kind))
        if "field" in match:
            return self._by_external_id(request, kind, payload)
        return self._by_id(request, kind, payload)

    def _query(self, request: web.Request) -> dict[str, Any]:
        cursor = request.match_info.get("cursor")
        if cursor is not None:
            if cursor not in self._cursors:
                raise Refused(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
            return self._page(self._cursors.pop(cursor), None)
        try:
            query = soql.parse(request.query.get("q", ""))
        except soql.BadQuery as error:
            raise Refused(400, "MALFORMED_QUERY", str(error)) from error
        if query.kind not in self.objects:
            raise Refused(400, "INVALID_TYPE", f"sObject type '{query.kind}' is not supported.")
        for name in query.names():
            if name not in self.objects[query.kind]:
                raise Refused(400, "INVALID_FIELD", f"No such column '{name}' on entity '{query.kind}'.")
        found = query.run(self.rows(query.kind))
        shown = [
            {"attributes": self._attributes(query.kind, r["Id"]), **{f: r.get(f) for f in query.fields}} for r in found
        ]
        return self._page(shown, len(shown))

    def _page(self, records: list[dict[str, Any]], total: int | None) -> dict[str, Any]:
        here, rest = records[: self.page], records[self.page :]
        body: dict[str, Any] = {
            "totalSize": total if total is not None else len(records),
            "done": not rest,
            "records": here,
        }
        if rest:
            cursor = f"01g-{next(self._numbers)}-{self.page}"
            self._cursors[cursor] = rest
            body["nextRecordsUrl"] = f"/services/data/v{self.version}/query/{cursor}"
        return body

    def _by_id(self, request: web.Request, kind: str, payload: Any) -> web.StreamResponse:
        if "id" not in request.match_info:
            if request.method != "POST":
                raise Refused(
                    405, "METHOD_NOT_ALLOWED", f"HTTP Method '{request.method}' not allowed. Allowed are POST"
                )
            record = self._create(kind, payload or {})
            return web.json_response({"id": record["Id"], "success": True, "errors": []}, status=201)
        record = next((r for r in self.records[kind] if r["Id"] == request.match_info["id"]), None)
        if record is None:
            raise Refused(404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: Id")
        if record["IsDeleted"]:
            raise Refused(404, "ENTITY_IS_DELETED", "entity is deleted", ())
        if request.method == "DELETE":
            record["IsDeleted"] = True
            return web.Response(status=204)
        if request.method == "PATCH":
            self._write(kind, record, payload or {})
            return web.Response(status=204)
        return web.json_response({"attributes": self._attributes(kind, record["Id"]), **record})

    def _by_external_id(self, request: web.Request, kind: str, payload: Any) -> web.StreamResponse:
        name, value = request.match_info["field"], request.match_info["value"]
        known = self.objects[kind].get(name)
        if known is None or not known.external:
            raise Refused(404, "NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {name}")
        found = [r for r in self.rows(kind) if r.get(name) == value]
        if len(found) > 1:
            return web.json_response([self._attributes(kind, r["Id"])["url"] for r in found], status=300)
        if request.method == "GET":
            if not found:
                raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
            return web.json_response({"attributes": self._attributes(kind, found[0]["Id"]), "Id": found[0]["Id"]})
        if request.method != "PATCH":
            raise Refused(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{request.method}' not allowed.")
        if name in (payload or {}):
            raise Refused(
                400, "INVALID_FIELD", f"The {name} field should not be specified in the sobject data.", (name,)
            )
        if found:
            self._write(kind, found[0], payload or {})
            if float(self.version) < 46:
                return web.Response(status=204)
            return web.json_response({"id": found[0]["Id"], "success": True, "errors": [], "created": False})
        record = self._create(kind, {**(payload or {}), name: value})
        created = {"created": True} if float(self.version) >= 46 else {}
        return web.json_response({"id": record["Id"], "success": True, "errors": [], **created}, status=201)

    # -- records

    def _create(self, kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
        stamp = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000+0000"
        record: dict[str, Any] = dict.fromkeys(self.objects[kind])
        record |= {
            "Id": f"{PREFIXES[kind]}Kx{next(self._numbers):010d}QAU", "IsDeleted": False, "CreatedDate": stamp,
            "LastModifiedDate": stamp, "SystemModstamp": stamp, "OwnerId": "005Kx0000000001QAU", **DEFAULTS[kind],
        }  # fmt: skip
        if kind == "Case":
            record["CaseNumber"] = f"{next(self._numbers):08d}"
        self._check(kind, record, {**DEFAULTS[kind], **values}, creating=True)
        self._write(kind, record, values, checked=True)
        self.records[kind].append(record)
        return record

    def _write(self, kind: str, record: dict[str, Any], values: Mapping[str, Any], *, checked: bool = False) -> None:
        if not checked:
            self._check(kind, record, values, creating=False)
        record |= values
        if kind == "Contact":
            record["Name"] = " ".join(filter(None, (record.get("FirstName"), record["LastName"])))
        if kind in ("Case", "Task"):
            record["IsClosed"] = record["Status"] in ("Closed", "Completed")

    def _check(self, kind: str, record: dict[str, Any], values: Mapping[str, Any], *, creating: bool) -> None:
        for name, value in values.items():
            known = self.objects[kind].get(name)
            if known is None:
                raise Refused(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {kind}")
            if not known.write:
                why = f"Unable to create/update fields: {name}. Please check the security settings of this field."
                raise Refused(400, "INVALID_FIELD_FOR_INSERT_UPDATE", why, (name,))
            self._check_value(name, known, value)
            taken = known.unique and any(r is not record and r.get(name) == value for r in self.rows(kind))
            if taken and value is not None:
                raise Refused(400, "DUPLICATE_VALUE", f"duplicate value found: {name} duplicates value on record", ())
        missing = [
            n for n, f in self.objects[kind].items() if f.write and not f.empty and n != "OwnerId" and not values.get(n)
        ]
        if creating and missing:
            raise Refused(
                400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", tuple(missing)
            )

    def _check_value(self, name: str, known: Field, value: Any) -> None:
        if value is None or value == "":
            if not known.empty:
                raise Refused(400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{name}]", (name,))
            return
        if not isinstance(value, str):
            raise Refused(400, "JSON_PARSER_ERROR", f"Cannot deserialize instance of {known.type} from {value!r}")
        if known.type == "picklist" and value not in known.values:
            why = f"{name}: bad value for restricted picklist field: {value}"
            raise Refused(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", why, (name,))
        if known.type == "DateString" and not _DATE.fullmatch(value):
            raise Refused(
                400, "JSON_PARSER_ERROR", f"Cannot deserialize instance of date from VALUE_STRING value {value}"
            )
        if known.type == "id":
            self._check_reference(name, value)
        elif len(value) > known.length:
            why = f"{name}: data value too large: {value} (max length={known.length})"
            raise Refused(400, "STRING_TOO_LONG", why, (name,))

    def _check_reference(self, name: str, value: str) -> None:
        if not re.fullmatch(r"[A-Za-z0-9]{15}(?:[A-Z0-9]{3})?", value):
            raise Refused(400, "MALFORMED_ID", f"{name}: id value of incorrect type: {value}", (name,))
        kinds = TARGETS.get(name, ())
        if kinds and not any(r["Id"] == value for kind in kinds for r in self.rows(kind)):
            raise Refused(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", (name,))

    def _described(self, kind: str) -> dict[str, Any]:
        return {"name": kind, "createable": True, "updateable": True, "fields": [
            {
                "name": name, "type": f.type, "nillable": f.empty, "createable": f.write, "updateable": f.write, "custom": f.custom,
                "length": f.length, "externalId": f.external, "unique": f.unique, "idLookup": f.external or name == "Id",
                "picklistValues": [{"value": v, "label": v, "active": True} for v in f.values],
            }
            for name, f in self.objects[kind].items()
        ]}  # fmt: skip

    def _attributes(self, kind: str, key: str) -> dict[str, str]:
        return {"type": kind, "url": f"/services/data/v{self.version}/sobjects/{kind}/{key}"}

    # -- going wrong

    def _fault(self, request: web.Request) -> Fault | None:
        for n, fault in enumerate(self.faults):
            if fault.path in request.path and fault.method in ("", request.method):
                return self.faults.pop(n)
        return None

    async def _served(self, fault: Fault, request: web.Request) -> web.StreamResponse:
        if fault.kind == "busy":
            return web.Response(
                status=503, text="<html>Down for maintenance</html>", content_type="text/html", headers=fault.headers
            )
        if fault.kind in ("throttled", "garbage"):
            status, text = (429, "") if fault.kind == "throttled" else (200, "{not json")
            return web.Response(status=status, text=text, content_type="application/json", headers=fault.headers)
        if fault.kind == "limit":
            refused = Refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        elif fault.kind == "expired":
            self.end_sessions()
            refused = Refused(401, "INVALID_SESSION_ID", "Session expired or invalid")
        elif fault.kind in ("lost", "late", "hang"):
            if fault.kind != "lost":
                self.hold = self.hold or asyncio.Event()
                await self.hold.wait()
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        else:
            status = 500 if fault.kind == "UNKNOWN_EXCEPTION" else 400
            refused = Refused(status, fault.kind, f"served as {fault.kind}", ())
        return web.json_response(refused.body, status=refused.status, headers=fault.headers)


def _oauth(error: str, words: str) -> web.Response:
    return web.Response(
        status=400, text=json.dumps({"error": error, "error_description": words}), content_type="application/json"
    )

"""Only what Twilio signed for our public address comes in."""

from __future__ import annotations

import dataclasses
from urllib.parse import urlencode

import pytest
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from inbox.channels.sms import SmsChannel
from inbox.errors import SettingsError
from inbox.fakes import RecordingIntake
from inbox.settings import Web
from tests.channels import far_end
from tests.channels.far_end import OLD_TOKEN, PUBLIC, TOKEN, WEB, incoming, signed


class TestSignature:
    @pytest.mark.parametrize(
        ("signed_url", "allowed"),
        [
            (PUBLIC + "/twilio/sms", True),
            (PUBLIC + ":443/twilio/sms", True),
            (PUBLIC + ":8443/twilio/sms", False),
            ("http://inbox.example/twilio/sms", False),  # as an app behind a proxy that ends TLS would see it
            ("http://127.0.0.1:8080/twilio/sms", False),
            (PUBLIC + "/twilio/sms?x=", False),
            (PUBLIC + "/twilio/sms/status", False),
        ],
    )
    async def test_covers_the_public_address(self, sms_line, signed_url, allowed):
        answered, _ = await sms_line.post(signed("/twilio/sms", incoming(), url=signed_url))
        assert answered == (200 if allowed else 403)
        assert len(sms_line.intake.messages) == allowed

    async def test_does_not_depend_on_the_host_that_we_see(self, sms_line):
        headers = {"Host": "10.0.0.7:9000", "X-Forwarded-Host": "elsewhere.example", "X-Forwarded-Proto": "http"}
        assert (await sms_line.post(signed("/twilio/sms", incoming()), **headers))[0] == 200

    async def test_keeps_the_order_of_the_query(self, sms_line):
        good = signed("/twilio/sms?b=2&a=1", incoming())
        assert (await sms_line.post(good))[0] == 200
        assert (await sms_line.post(dataclasses.replace(good, path="/twilio/sms?a=1&b=2")))[0] == 403

    @pytest.mark.parametrize(
        "fields",
        [
            incoming(FromCity="", Added=""),
            incoming("  padded \n"),
            incoming("ação? ¿cuánto? 💶"),
            incoming(AddedByTwilioLater="whatever"),
            incoming("a&b=c+d %41"),
        ],
    )
    async def test_covers_every_field_as_it_is(self, sms_line, fields):
        assert (await sms_line.post(signed("/twilio/sms", fields)))[0] == 200
        assert sms_line.intake.messages[0].text == fields["Body"]

    async def test_covers_a_field_with_several_values(self, sms_line):
        fields = MultiDict([*incoming().items(), ("Tag", "b"), ("Tag", "a"), ("Tag", "b")])
        body = urlencode(list(fields.items())).encode()
        assert (await sms_line.post(signed("/twilio/sms", fields, body=body)))[0] == 200
        fewer = MultiDict([*incoming().items(), ("Tag", "a")])
        short = signed("/twilio/sms", fields, body=urlencode(list(fewer.items())).encode())
        assert (await sms_line.post(short))[0] == 403

    async def test_a_dropped_blank_field_is_noticed(self, sms_line):
        short = {k: v for k, v in incoming().items() if k != "ToCity"}
        body = urlencode(short).encode()
        assert (await sms_line.post(signed("/twilio/sms", incoming(), body=body)))[0] == 403

    @pytest.mark.parametrize(("token", "allowed"), [(TOKEN, 200), (OLD_TOKEN, 200), ("somebody else's", 403)])
    async def test_either_token_is_valid(self, sms_line, token, allowed):
        assert (await sms_line.post(signed("/twilio/sms", incoming(), token)))[0] == allowed

    async def test_the_newer_algorithm_is_known(self, sms_line):
        good = signed("/twilio/sms", incoming())
        strong = RequestValidator(TOKEN).compute_signature(PUBLIC + "/twilio/sms", incoming(), "HMAC_SHA256")
        named = {"X-Twilio-Webhooks-Signature-Settings": "key=k1,algorithm=HMAC_SHA256"}
        assert (await sms_line.post(good, **named, **{"X-Twilio-Signature": strong}))[0] == 200
        assert (await sms_line.post(good, **named))[0] == 403

    async def test_without_secret_or_address_nothing_starts(self):
        for settings, web, key in [
            (far_end.settings(auth_tokens=()), WEB, "twilio.auth_tokens"),
            (far_end.settings(), Web(), "web.public_url"),
        ]:
            with pytest.raises(SettingsError, match=key):
                SmsChannel(settings, web).routes(RecordingIntake())

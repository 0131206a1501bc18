"""The words that give a number away, folded (lower case, no accents), in English, Spanish and Portuguese."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CVV = _words("cvv cvc csc cvn cvvc")
PIN = _words("pin nip")
PASSWORD = _words("password passcode passphrase passwd pwd contraseña contrasena contraseñas senha clave")
SOCIAL = _words("ssn itin ein tin fein")
TAX = _words("cpf cnpj cuit cuil dni rfc nif nie rut curp")
ACCOUNT = _words("account acct cuenta conta iban clabe cbu")
ROUTING = _words("routing aba rtn transit")
BRANCH = _words("agencia sucursal")
CURRENCIES = _words("dollar dollars usd peso pesos mxn ars real reais brl euro euros eur cent cents centavos")
COPULAS = _words("is es e are son sao era was")
EXPIRY = _words(
    "exp expires expiry expiration expire expiring vence vencimiento vencimento validade valida valid thru until caduca"
    " caducidad"
)
#: Words between a card and its expiry or code.
BESIDE_CARD = (
    EXPIRY
    | CVV
    | _words(
        "and the is it its with code security date number no y e con la el es de del codigo seguridad seguranca fecha data val"
        " com o a em in on good through mm yy aa hasta ate card cid"
    )
)
#: Words that lead to a number; any other word ends the search.
LEADING = (
    CVV
    | PIN
    | SOCIAL
    | TAX
    | ACCOUNT
    | ROUTING
    | BRANCH
    | COPULAS
    | _words(
        "number num no nr nro n numero nums the my our mi mis meu minha su sua seu de da do del la el a o os las los and y"
        " bank banco bancaria bancario savings ahorros ahorro corriente corrente poupanca checking digits digitos last ultimos"
        " of id code codigo seguridad seguranca security social tax federal employer interbancaria digito caja for para it s"
        " its new nueva nova card tarjeta cartao verification verificador seguro identification documento taxpayer sort with"
        " dep deposit direct as here aqui esta fiscal identidad identidade b c v"
    )
)
TRIGGERS = (
    CVV
    | PIN
    | SOCIAL
    | TAX
    | ACCOUNT
    | ROUTING
    | BRANCH
    | EXPIRY
    | _words("security seguridad seguranca social tax taxpayer federal documento bank banco")
)


def is_cvv(words: set[str]) -> bool:
    if words & CVV:
        return True
    return bool(words & {"code", "codigo"} and words & {"security", "seguridad", "seguranca", "verificador"})


def is_social(words: set[str]) -> bool:
    if words & SOCIAL or "social" in words:
        return True
    return (
        bool("tax" in words and words & {"id", "identification", "number"})
        or {"federal", "id"} <= words
        or ("taxpayer" in words)
    )


def is_tax(words: set[str]) -> bool:
    return bool(words & TAX) or "documento" in words or "fiscal" in words


def is_bank(words: set[str]) -> bool:
    return bool(words & (ACCOUNT | ROUTING | BRANCH)) or "bank-number" in words or {"sort", "code"} <= words

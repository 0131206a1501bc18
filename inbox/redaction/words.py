"""The words that give a number away, folded (lower case, no accents), in English, Spanish and Portuguese."""

from __future__ import annotations

from inbox.redaction.digits import fold


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CVV = _words("cvv cvc csc cvn cvvc")
PIN = _words("pin nip")
PASSWORD = _words("password passcode passphrase passwd pwd contraseña contrasena contraseñas senha clave")
SOCIAL = _words("ssn itin ein tin fein")
_PERSONS = _words("ssn itin social")
TAX = _words("cpf cnpj cuit cuil dni rfc nif nie rut curp")
ACCOUNT = _words("account acct cuenta conta iban clabe cbu")
ROUTING = _words("routing aba rtn transit")
BRANCH = _words("agencia sucursal")
SENDING = _words(
    "wire wired ach deposit transfer bank routing transferencia deposito banco transferir send pay checking savings"
)
#: Where the security code is printed.
BACK = _words("back reverse reverso verso atras detras tras dorso")
MONTHS = _words(
    "january february march april may june july august september october november december jan feb mar apr jun jul aug sep"
    " sept oct nov dec enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre"
    " janeiro fevereiro marco maio junho julho setembro outubro novembro dezembro ene abr ago dic fev mai set out dez"
)
COUNTED = _words("digit digits digitos digito number numbers numeros numero cifras")
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
        " com o a em in on good through mm yy aa hasta ate card cid back reverse reverso verso atras dorso digits digitos are son"
        " sao my mi minha meu s los las os as three four numbers last name nombre nome for expiring zip"
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
        " dep deposit direct as here aqui esta fiscal identidad identidade b c v on back reverse atras reverso verso dorso at side"
        " en detras tras three four tres cuatro quatro son sao"
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
    | BACK
    | _words("otp code codigo")
    | _words("security seguridad seguranca social tax taxpayer federal documento bank banco")
)


def is_cvv(words: set[str]) -> bool:
    if words & CVV:
        return True
    if words & BACK and words & (COUNTED | {"code", "codigo"}):
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


def is_persons(words: set[str]) -> bool:
    """Of the numbers ``is_social`` is about, those of a person; an EIN is a company's, and a "tax id" may be either."""
    return not words.isdisjoint(_PERSONS)


def is_tax(words: set[str]) -> bool:
    return bool(words & TAX) or "documento" in words or "fiscal" in words


def is_bank(words: set[str]) -> bool:
    return bool(words & (ACCOUNT | ROUTING | BRANCH)) or "bank-number" in words or {"sort", "code"} <= words


SHORT_SECRET = _words("pass pw pswd psw passwrd")
SECRET = PASSWORD | SHORT_SECRET
#: Words between "password" and what it is.
OF_PASSWORD = _words(
    "for to of my the your our portal account login site website web page email mail user author here there and de del da do"
    " mi la el para mis los las cuenta sitio correo usuario entrar acceso minha meu conta a o acesso email pagina word actual"
    " current new old nueva nova temporary temporal provisoria secret secreta code now ahora agora"
)
_ORDINARY = _words(
    "wrong not expired invalid incorrect reset lost forgotten locked blocked the my your our his her this that these those it"
    " too still being required needed working broken missing weak same old new different rejected refused correct right fine"
    " safe secure hard protected changed case always never also only just now yes there here what which why how when where"
    " unknown empty blank set strong long short good bad compromised stolen leaked hacked one what's sent going nothing"
    " something okay saved stored default temporary valid gone ready confidential secret private important optional mandatory"
    " incorrecta incorrecto invalida invalido equivocada errada errado expirada expirado caducada vencida olvidada perdida"
    " bloqueada correcta correcto nueva nuevo vieja muy una uno otra misma mismo segura debil fuerte necesaria obligatoria valida"
    " demasiado mala mal esta eso esa que cual cuando como donde siempre nunca tambien solo ahora aqui alli mia tuya larga corta"
    " diferente distinta rechazada cambiada temporal robada privada importante secreta confidencial"
    " incorreta correta nova velha muito uma outra mesma mesmo fraca forte obrigatoria longa curta trocada recusada esquecida"
    " roubada minha nao isso essa qual quando onde sempre tambem agora aqui provisoria sigilosa ruim boa buena bom"
)
GOES_ON = _words(
    "and y e but pero mas or o ou so por please pls por-favor thanks thank gracias obrigado obrigada can could if for in on"
    " with para con com en em"
)


def may_be_password(word: str) -> bool:
    """A word behind "my password is" that says nothing about a password. Folded here."""
    return fold(word) not in _ORDINARY and not fold(word).endswith(("ing", "ando", "endo", "iendo"))


CODE = _words("code codigo otp pin token clave passcode")
_ONE_TIME = _words(
    "verification verificacion verificacao authentication autenticacion autenticacao confirmation confirmacion confirmacao"
    " time login access acceso acesso texted sent received otp enviado enviaron recibi recebi chegou llego temporal sms"
)
_CODE_LEADS = (
    CODE
    | _ONE_TIME
    | COPULAS
    | _words(
        "my the your you me i it that this one a mi su tu el la de me nos que meu seu o just got by here from text was"
    )
)


def is_one_time_code(words: list[str]) -> bool:
    """Words that stand right beside a number, nearest first."""
    near: set[str] = set()
    for word in words:
        if word not in _CODE_LEADS:
            break
        near.add(word)
    return bool(near & CODE and near & _ONE_TIME) or "otp" in near

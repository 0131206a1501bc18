"""Wishes for money that no single figure says: exceptions, number words, fractions, ranges. Pure, linear.

Who writes so is asked for the amount: "all but 50" taken for 50, or for all, would pay out what nobody asked for.
"""

from __future__ import annotations

import re

_SIGN = r"(?:(?:us|r)?[$€£] ?)?"
_FIGURE = r"\d{1,7}(?:[.,]\d{1,3}){0,3}"
_MONEY = r"(?:us ?d(?:ollars)?|dollars?|bucks|d[oó]lares|grand)"
_TENS = (
    r"(?:ten|twenty|thirty|forty|fourty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|million|"
    r"veint[ei]\w{0,6}|treinta|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa|cien|cientos?|\w{3,6}(?:cient|nient)[oa]s|mil|"
    r"vinte|trinta|quarenta|cinq[uü]enta|sessenta|oitenta|cem|cento|duzent[oa]s|trezent[oa]s|\w{3,6}(?:cent|nhent)[oa]s)"
)
_ONES = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|eleven|twelve|fifteen|uno?|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|"
    r"diez|once|doce|quince|dois|duas|três|quatro|sete|oito|nove|dez|onze|doze|quinze)"
)
#: What people count that is no money. Plural, because one of a thing has no figure before it.
_THINGS = (
    r"(?:statements|copies|books|titles|invoices|receipts|e-?mails|messages|times|days|weeks|months|years|hours|minutes|reports|"
    r"forms|payments|withdrawals|codes|pages|documents|pdfs|links|questions|things|reminders|lists|letters|chapters|editions|"
    r"extractos|estados|copias|libros|t[ií]tulos|facturas|recibos|correos|mensajes|veces|d[ií]as|semanas|meses|años|horas|minutos|"
    r"informes|formularios|pagos|retiros|c[oó]digos|p[aá]ginas|documentos|enlaces|preguntas|cosas|liquidaciones|cap[ií]tulos|"
    r"extratos|c[oó]pias|livros|faturas|mensagens|vezes|anos|relat[oó]rios|formul[aá]rios|pagamentos|saques|perguntas|coisas)"
    r"(?![\w'’])"
)
_BETWEEN = (
    r"(?: of (?:my|the|those|your)| de (?:mis|los|las)| dos(?: meus)?| das(?: minhas)?)?"
    r"(?: (?:more|new|old|monthly|annual|yearly|last|other|royalty|sales|account|printed|signed|author|different|business|"
    r"full|working|más|nuevos|mais|novos|últimos|últimas|outros|outras|otros|otras))?"
)
_COUNTED = re.compile(rf"{_BETWEEN} {_THINGS}", re.IGNORECASE)
_AMOUNT_WORDS = rf"{_TENS}(?:[ -](?:(?:and|y|e) )?(?:{_TENS}|{_ONES})(?!\w))*+"
_VAGUE = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # but for a part: "everything except 50", "retira todo menos 50", "leave $50.00 in"
        r"(?<!\w)(?:except(?:ing|o)?|apart from|other than|minus|menos|exceto|salvo|tirando)(?!\w)",
        r"(?<!\w)(?<!on )(?:leave|leaving)(?!\w)",
        # "no me dejan retirar" and "não me deixa sacar" only complain
        r"(?<!\w)(?<!me )(?<!nos )(?:dej(?:ar|a|as|e|en|es|o|ando|emos)|deix(?:ar|a|e|em|o|ando))(?:me|lo|los|la|las)?(?!\w)",
        rf"(?<!\w)(?:but|keep|keeping|less|without|sin|sem|quedar\w{{0,3}}|ficar)(?: \w+){{0,3}} (?:{_SIGN}\d|{_TENS}(?!\w)|some(?!\w)|half|a (?:bit|little|few))",
        # words for figures, and parts other than a half
        rf"(?<!\w){_AMOUNT_WORDS}(?!\w)(?!{_BETWEEN} {_THINGS}| (?:gracias|thanks|thank|perdones|percent|perd[oõ]es|obrigad[oa]s?))",
        rf"(?<!\w){_ONES} {_MONEY}(?!\w)",
        (r"(?<!\w)(?:a|one|two|three|four) (?:third|quarter|fifth|sixth|eighth|tenth)s?(?!\w)"
        r"(?! (?:time|request|message|e-?mail|mail|party|person|attempt|try|book|edition|year|ago))"),
        (r"(?<!\w)(?:(?:un|dos|tres|um|dois|três) (?:tercio|cuarto|quinto|d[eé]cimo|terço|quarto)s?|"
        r"(?:tercera|cuarta|quinta|d[eé]cima|terça|quarta) parte)(?!\w)"),
        # a part that nobody measured
        (r"(?<!\w)(?:(?:withdraw|pay out|cash out|send me|transfer) (?:only |just )?(?:some|a (?:part|portion|bit|little|few))|"
        r"(?:only|just) (?:some|(?:a )?part)|(?:some|part|a portion|a bit|a fraction) of (?:it|my|the)|"
        r"(?:una|alguna) parte|un poco|uma parte|um pouco|parte (?:de (?:mis?|las?|los?|eso)|d[oa]s?|disso))(?!\w)"),
        r"[¼½¾⅐-⅞]|(?<![\w/.,-])\d ?/ ?\d(?= (?:of|de|da|do|dos|das)(?!\w))",
        # "$1.5k", "2 mil"
        rf"\d ?(?:k|m|mm|mil|grand|thousand|hundred|million)(?!\w)(?! {_THINGS})",
        # "50 cents": read as a figure it would be fifty
        r"\d ?(?:cents?|centavos?|centimos?|céntimos?|¢)(?!\w)",
        # "1 500": whether that is one figure is not clear
        r"(?<![\w.,/:#+-])(?<!\d )\d{1,3}(?: \d{3}){1,2}(?!\w)(?! ?[\d-])",
        # a range, a choice, a bound
        rf"\d(?: ?{_MONEY})? (?:or|ou)(?!\w)|\d(?: ?{_MONEY})? o (?:{_SIGN}\d|m[aá]s|menos|algo)",
        rf"(?<!\w)(?:between|entre) {_SIGN}\d",
        rf"(?<![\w.,/:#-]){_SIGN}{_FIGURE}(?: ?{_MONEY})?(?: (?:to|a|até|hasta) | ?[-–—] ?){_SIGN}{_FIGURE}(?![\w/:-]|[.,]\d)",
        (rf"(?<!\w)(?:at least|at most|up to|(?:no )?more than|less than|over|under|above|beyond|minimum(?: of)?|maximum(?: of)?|al menos|"
        rf"por lo menos|como m[ií]nimo|hasta|m[aá]s de|menos de|pelo menos|no m[aá]ximo|até|mais de) {_SIGN}\d"),
    )
)  # fmt: skip


def is_vague(text: str) -> bool:
    """Does the amount have to be asked for? ``text`` has single spaces."""
    return any(pattern.search(text) for pattern in _VAGUE)


def counts_things(text: str, end: int) -> bool:
    """Does the figure that ends there count statements, copies or days?"""
    return _COUNTED.match(text, end) is not None

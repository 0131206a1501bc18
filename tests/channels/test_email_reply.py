"""The author's new words, and what is left of HTML."""

from __future__ import annotations

import pytest

from inbox.channels import mail_html, mail_reply

KEPT = "Can I pay half now?\nThe rest in May."

HISTORIES = [
    "On Tue, Mar 3, 2026 at 4:05 PM Larkmoor <help@larkmoor.example> wrote:\n\n> Your balance is due.",
    "On Tue, Mar 3, 2026 at 4:05 PM Larkmoor Author Services\n<help@larkmoor.example> wrote:\n> Your balance is due.",
    "El mar, 3 mar 2026 a las 16:05, Larkmoor (<help@larkmoor.example>) escribió:\n\n> Su saldo vence.",
    "Em ter., 3 de mar. de 2026 às 16:05, Larkmoor <help@larkmoor.example>\nescreveu:\n\n> Seu saldo vence.",
    "Le mar. 3 mars 2026 à 16:05, Larkmoor <help@larkmoor.example> a écrit :\n> Votre solde",
    "Am Di., 3. März 2026 um 16:05 Uhr schrieb Larkmoor <help@larkmoor.example>:\n> Ihr Saldo",
    "Larkmoor <help@larkmoor.example> schrieb am 03.03.2026 um 16:05:\n> Ihr Saldo",
    "Op di 3 mrt. 2026 om 16:05 schreef Larkmoor <help@larkmoor.example>:\n> Uw saldo",
    "Вт, 3 мар. 2026 г. в 16:05, Larkmoor <help@larkmoor.example>:\n> Ваш счет",
    "在 2026年3月3日，16:05，Larkmoor <help@larkmoor.example> 写道：\n> 您的余额",
    "-----Original Message-----\nFrom: Larkmoor\nYour balance is due.",
    "-----Mensaje original-----\nDe: Larkmoor\nSu saldo vence.",
    "________________________________\nFrom: Larkmoor <help@larkmoor.example>\nSent: Tuesday, March 3, 2026\nTo: Nadia\nSubject: Your balance\n\nYour balance is due.",
    "De: Larkmoor <help@larkmoor.example>\nEnviado: martes, 3 de marzo de 2026 16:05\nPara: Nadia\nAsunto: Su saldo\n\nSu saldo.",
    "*Von:* Larkmoor [mailto:help@larkmoor.example]\n*Gesendet:* Dienstag, 3. März 2026\n*An:* Nadia\n*Betreff:* Saldo\n\nText",
    "Begin forwarded message:\n\n> From: Larkmoor\n> text",
    "> Your balance is due.\n> It is $40.",
]


@pytest.mark.parametrize("gap", ["\n\n", "\n"])
@pytest.mark.parametrize("history", HISTORIES)
def test_history_is_taken_away(history, gap):
    assert mail_reply.new_words(f"{KEPT}{gap}{history}\n") == mail_reply.Reply(KEPT)


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nNadia Brook\n+1 202 555 0147",
        "--\nNadia",
        "________________\nNadia Brook, Author",
        "Sent from my iPhone",
        "Get Outlook for Android<https://link.example>",
        "Enviado desde mi teléfono",
        "Enviado do meu Galaxy",
        "Envoyé de mon iPhone",
        "This email and any attachments are confidential.\nIf you are not the addressee, delete it.",
    ],
)
def test_signatures_are_taken_away(signature):
    assert mail_reply.new_words(f"{KEPT}\n\n{signature}\n").text == KEPT


def test_a_visiting_card_under_the_closing_words_is_taken_away():
    text = f"{KEPT}\n\nKind regards,\nNadia Brook\nFreelance editor\nwww.brook.example | (202) 555-0147"
    assert mail_reply.new_words(text).text == f"{KEPT}\n\nKind regards,"


@pytest.mark.parametrize(
    "text",
    [
        "Thanks\nNadia",
        "Thanks,\nNadia\n\nPS: Is the fee 40 dollars? Call me, please, whenever you have the time to do so.",
        "On Monday I was charged twice.\nWhy?",
        "On 3 March 2026 you wrote that the fee is waived. Is that still so?",
        "Date: Wednesday\nTime: 10:00\nis fine for the call.",
        "I paid:\n- $40 in March\n- $40 in April\n---\nWhat is left?",
        "From my point of view: the bill is wrong.",
        "To: whom it may concern\nI dispute this.",
        "Subject: refund please\nI want my money back.",
        "I wrote:\nplease stop.",
        "-5 dollars is what the statement says",
        "你好，我欠多少钱？",
        "Sent from my old bank account on Monday were two payments of forty dollars each, to your account number ending 12.",
        "?",
    ],
)
def test_the_authors_words_stay(text):
    assert mail_reply.new_words(text) == mail_reply.Reply(text)


def test_answers_between_quotes_stay():
    text = "On 3 Mar 2026 at 16:05, Larkmoor <help@larkmoor.example> wrote:\n> Do you agree?\nYes.\n> When?\nOn Friday."
    assert mail_reply.new_words(text).text == "Yes.\nOn Friday."


@pytest.mark.parametrize("text", [HISTORIES[0], HISTORIES[10], "> only\n> a quote"])
def test_a_mail_without_new_words_hands_the_old_one_over_marked(text):
    assert mail_reply.new_words(text) == mail_reply.Reply(text, only_history=True)


def test_nothing_is_nothing():
    assert mail_reply.new_words(" \n\n") == mail_reply.Reply("")


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<ul><li>one<li>two</ul>", "- one\n- two"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("a&nbsp;b &lt;c&gt; &euro;5 &#8211; &unknown;", "a b <c> €5 – &unknown;"),
        ("<style>p{}</style><script>x</script><title>t</title>seen", "seen"),
        ("<!-- hidden --><![if !x]>seen<![endif]>", "seen"),
        ("<div style='display: none'>hidden</div>seen", "seen"),
        ("<a href='https://x.example'>link</a> text", "link text"),
        ('<img alt="a > b">seen', "seen"),
        ("1 < 2 and <3", "1 < 2 and <3"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<p>new<blockquote>old<br>older</blockquote>more", "new\n> old\n> older\nmore"),
        (
            "<div>new</div><div class='gmail_quote'>On x wrote<blockquote>old</blockquote></div>",
            "new\n> On x wrote\n> > old",
        ),
        ("new<div class=gmail_signature>Nadia</div>", "new\n--\nNadia"),
        ("<p>unclosed <b>bold <i>both", "unclosed bold both"),
        ("plain words", "plain words"),
        ("", ""),
    ],
)
def test_html(html, text):
    assert mail_html.to_text(html).replace("-- \n", "--\n") == text


def test_outlook_opens_its_history_without_a_word():
    html = (
        "<p>new</p><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p><b>Van:</b> Larkmoor</p></div><p>old</p>"
    )
    assert mail_reply.new_words(mail_html.to_text(html)).text == "new"

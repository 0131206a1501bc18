"""The last doubts before the bot speaks: whose words they are, what they deny, and who never asked for what is done."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from inbox import redaction
from inbox.intents import tuning, verdict
from inbox.intents.catalog import Catalog, load
from inbox.intents.normalize import prepare
from inbox.intents.reader import CatalogReader
from inbox.intents.routing import ROUTES, Whole
from inbox.intents.understanding import Candidate, Context, Entities, Finding
from inbox.message import Route, Severity
from tests.intents.conftest import NOW

UNSEEN = Path(__file__).with_name("unseen.jsonl")


@pytest.mark.parametrize(
    "text",
    [
        "i did not get the email", "why did you stop emailing me", "did you stop sending reminders?", "the letters stopped coming",
        "no more emails have come since may", "i dont get the reminders anymore", "got an email from you guys??", "please send the receipt to the email you have",
        "my phone company billed me twice, but for you i only need the amount due", "no recibo correos de ustedes desde mayo",
        "por que pararam de mandar os extratos", "stop sending it to my old address, i moved", "no need to call me, i will pay on friday",
    ],
)  # fmt: skip
def test_who_did_not_ask_is_not_opted_out(read, text):
    assert "opt_out" not in read(text).intents


@pytest.mark.parametrize(
    "text",
    [
        "stop texting me", "do not call me again", "I don't wish to get any more texts from you", "do not call my office", "unsubscribe",
        "take me off your mailing list", "only email please, no phone calls", "please don't ring before ten in the morning",
        "no me llamen antes de las diez", "ya no quiero recibir mensajes", "não quero mais receber ligações", "so me mandem e-mail, nada de ligações",
    ],
)  # fmt: skip
def test_who_asks_is_heard(read, text):
    assert "opt_out" in read(text).intents


def test_no_message_of_the_honest_set_is_taken_for_a_wish_to_be_left_alone(reader):
    """A letter that quotes such words may carry it beside a dispute: there a person reads it."""
    wrong = []
    for line in UNSEEN.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found = reader.read(redaction.mask(row["text"]).text, Context(now=NOW, channel=row["channel"]))
        if "opt_out" in found.intents and "opt_out" not in row["intents"] and found.route is Route.ANSWER:
            wrong.append(row["id"])
    assert wrong == []


@pytest.mark.parametrize(
    "text",
    [
        "no recuerdo haber hecho este pago el dia 20", "no me acuerdo de haber pagado esto", "não lembro de ter feito esse pagamento no dia 20",
        "I don't remember making this payment on the 20th", "no recuerdo haber autorizado ese pago",
    ],
)  # fmt: skip
def test_a_payment_that_is_denied_is_a_charge_not_recognised(read, text):
    found = read(text)
    assert (found.route, found.intents[0]) == (Route.ESCALATE, "unrecognised_charge")
    assert found.wishes == frozenset()


@pytest.mark.parametrize("text", ["no recuerdo cuanto debo", "no recuerdo la fecha de mi proximo pago"])
def test_a_figure_that_is_forgotten_is_told(read, text):
    assert read(text).route is Route.ANSWER


@pytest.mark.parametrize(
    "text", ["why did you take the money again", "otra vez el cargo?", "de nuevo me cobraron", "me cobraram de novo"]
)
def test_money_taken_again_is_a_double_charge(read, text):
    found = read(text)
    assert (found.route, found.intents[0]) == (Route.ESCALATE, "double_charge")


@pytest.mark.parametrize(
    "text",
    [
        "will you try my card again",
        "when do you charge again",
        "pueden intentar otra vez el cargo",
        "the payment failed again",
    ],
)
def test_a_second_try_is_no_double_charge(read, text):
    found = read(text)
    assert found.route in (Route.ANSWER, Route.CLARIFY)
    assert set(found.intents) <= {"payment_failed"}


@pytest.mark.parametrize(
    "text",
    [
        "i was robbed yesterday and lost my phone",
        "i got a scam email with your logo",
        "someone scammed my aunt, not you",
    ],
)
def test_a_robbed_author_denounces_nobody(read, text):
    assert "complaint.denounces" not in {f.guard for f in read(text).findings}


@pytest.mark.parametrize(
    "text",
    [
        "i was scammed by you",
        "you people are thieves",
        "I feel cheated by larkmoor",
        "me estafaron ustedes, siento que fui robado por la editorial",
    ],
)
def test_who_is_accused_of_theft_is_told_to_a_person_at_once(read, text):
    found = read(text)
    assert (found.route, found.severity) == (Route.ESCALATE, Severity.HIGH)


@pytest.mark.parametrize(
    ("text", "intents"),
    [
        ("WD-5150", ("royalty_withdrawal_status",)), ("where is WD-5150", ("royalty_withdrawal_status",)), ("RF-2001?", ("refund_status",)),
        ("WD-5150 estado por favor", ("royalty_withdrawal_status",)),
    ],
)  # fmt: skip
def test_a_record_named_alone_is_asked_about(read, text, intents):
    found = read(text)
    assert (found.route, found.intents) == (Route.ANSWER, intents)


@pytest.mark.parametrize("text", ["WD-5150 stop it please", "i will frame RF-2001 over my bed"])
def test_a_record_named_beside_other_words_is_not(read, text):
    assert read(text).intents not in {("royalty_withdrawal_status",), ("refund_status",)}


def test_what_an_intent_asks_for_itself_counts(reader):
    text, context = "how much do i still owe in total", Context(now=NOW)
    assert reader.read(text, context).route is Route.ANSWER
    strict = {k: replace(e, sure=0.9999) if k == "account_balance" else e for k, e in load().entries.items()}
    asked = CatalogReader(Catalog(strict), scorer=reader._scorer, routes=reader._routes).read(text, context)
    assert (asked.route, asked.intents) == (Route.CLARIFY, ())


def test_a_message_for_another_desk_needs_more(reader):
    text, context = "can i pay with apple pay at the store", Context(now=NOW)
    words = reader.see(text, context).words
    assert words.whole.elsewhere >= 0.5
    routes = {}
    for needed in (0.0, 0.9999):
        tuned = tuning.packaged()
        tuned = replace(tuned, thresholds=replace(tuned.thresholds, sure=0.0, sure_elsewhere=needed))
        again = CatalogReader(load(), scorer=reader._scorer, routes=reader._routes, tuned=tuned)
        routes[needed] = again.read(text, context).route
    assert routes == {0.0: Route.ANSWER, 0.9999: Route.CLARIFY}
    named = "Roughly which week will RF-8820 show up on my card?"
    assert reader.see(named, context).words.whole.elsewhere >= 0.5
    assert again.read(named, context).intents == ("refund_status",)  # an id of ours: it is for this desk


def test_two_readings_of_one_clause_that_are_as_likely_are_both_meant():
    def read(second):
        by_clause = ((Candidate("payment_plan", 0.76), Candidate("payment_methods_accepted", second)),)
        text = prepare("do instalments run on visa")
        return verdict.weigh(text, (), (), by_clause, Entities(), tuning.packaged().thresholds).intents

    assert read(0.74) == ("payment_plan", "payment_methods_accepted")
    assert read(0.67) == ("payment_plan",)


def test_beside_a_doubtful_question_the_wish_for_fewer_messages_stays():
    both = verdict.Weighed(Route.ANSWER, ("opt_out", "amount_due"), Severity.NORMAL, "reads like opt_out")
    kept = verdict.doubted(both, 0.05, 0.1)
    assert (kept.route, kept.intents) == (Route.ANSWER, ("opt_out",))


def _settled(draft, judged, findings=(), by_clause=()):
    whole = Whole({}, {Route.ANSWER: "amount_due", Route.ESCALATE: "wrong_amount"}, {}, 0.0)
    rest = dict.fromkeys(ROUTES, 0.0)
    return verdict.settle(draft, {**rest, **judged}, whole, findings, by_clause, tuning.packaged().thresholds)


CLEAR = ((Candidate("amount_due", 0.9),),)


def test_only_mere_words_of_a_dispute_can_turn_out_to_be_none():
    draft = verdict.Weighed(Route.ESCALATE, ("complaint",), Severity.HIGH, "denounces")
    grave = Finding(guard="g", route=Route.ESCALATE, reason="", intent="complaint", severity=Severity.HIGH)
    mild = replace(grave, severity=Severity.NORMAL)
    judged = {Route.ANSWER: 0.98, Route.ESCALATE: 0.02}
    assert _settled(draft, judged, [grave], CLEAR).route is Route.ESCALATE
    assert _settled(draft, judged, [mild], CLEAR).route is Route.ANSWER
    assert _settled(draft, {Route.ANSWER: 0.9, Route.ESCALATE: 0.1}, [mild], CLEAR).route is Route.ESCALATE


def test_the_clearer_a_question_the_more_it_takes_to_see_something_else_in_it():
    draft = verdict.Weighed(Route.ANSWER, ("amount_due",), Severity.LOW, "reads like amount_due")
    judged = {Route.ESCALATE: 0.6, Route.ANSWER: 0.4}
    assert _settled(draft, judged, by_clause=CLEAR).route is Route.ANSWER
    assert _settled(draft, judged, by_clause=((Candidate("amount_due", 0.4),),)).route is Route.ESCALATE


def test_a_likely_dispute_is_asked_about_not_answered_as_something_else():
    draft = verdict.Weighed(Route.ESCALATE, ("double_charge",), Severity.NORMAL, "reads like double_charge")
    assert _settled(draft, {Route.ANSWER: 0.78, Route.ESCALATE: 0.2}, by_clause=CLEAR).route is Route.CLARIFY
    assert _settled(draft, {Route.ANSWER: 0.95, Route.ESCALATE: 0.05}, by_clause=CLEAR).route is Route.ANSWER
    both = replace(draft, intents=("double_charge", "amount_due"))
    assert _settled(both, {Route.ANSWER: 0.78, Route.ESCALATE: 0.2}, by_clause=CLEAR).intents == ("amount_due",)


def test_words_are_kept_for_all_authors_unless_a_name_stands_in_them(reader):
    names = [("Ada Vance", "The Tin Sea"), ("Bo Renner",), ()]
    reader._short.cache_clear()
    for one in names:
        reader.read("how much do i owe this month", Context(now=NOW, names=one))
    assert reader._short.cache_info().currsize == 1
    reader.read("how is balanze doing, my book", Context(now=NOW, names=("Balanze",)))
    assert (
        "balanze" in reader.see("how is balanze doing, my book", Context(now=NOW, names=("Balanze",))).words.text.tokens
    )


def test_a_promise_within_the_days_of_the_house_is_accepted(read):
    assert read("i will pay on april 2", promise_days=30).route is Route.ANSWER
    assert read("i will pay on april 2", promise_days=14).route is Route.ESCALATE


@pytest.mark.parametrize(
    "text",
    [
        "do not stop texting me", "please don't stop sending the reminders", "please never stop emailing me", "I don't want you to stop the reminders",
        "i said STOP by mistake, please text me again", "no dejen de avisarme", "por favor no paren de mandarme los recordatorios",
        "não deixem de me avisar", "não parem de me lembrar", "não pedi para pararem de mandar mensagens",
    ],
)  # fmt: skip
def test_who_wants_the_messages_to_go_on_is_not_opted_out(read, text):
    assert "opt_out" not in read(text).intents


@pytest.mark.parametrize(
    "text",
    [
        "why don't you stop texting me", "you never stop texting me", "no, stop texting me", "no, dejen de mandarme mensajes", "i never asked for these texts, please stop sending them",
        "if you do not stop texting me, ok, but please stop texting me", "lose my number", "i want no further contact by phone", "no me vuelvan a llamar",
        "não quero que me liguem", "no quiero que me llamen", "número equivocado",
    ],
)  # fmt: skip
def test_who_wants_them_to_end_is_heard_however_it_is_said(read, text):
    assert "opt_out" in read(text).intents


@pytest.mark.parametrize(
    "text",
    [
        "todavía no hice el pago", "ainda não fiz o pagamento", "não fiz o pagamento ainda, posso pagar sexta?", "no hice el pago este mes, perdón",
        "i did not make the payment this month, sorry", "não fiz o pagamento deste mês, desculpa",
    ],
)  # fmt: skip
def test_who_has_not_paid_yet_contests_no_charge(read, text):
    found = read(text)
    assert found.route is not Route.ESCALATE
    assert "unrecognised_charge" not in found.intents


@pytest.mark.parametrize(
    "text",
    [
        "eu não fiz esse pagamento", "yo no hice ese pago", "todavía no hice el pago pero me cobraron sin mi autorización", "I did not make this payment, sorry but it is not mine",
        "no autoricé ese pago",
    ],
)  # fmt: skip
def test_who_denies_a_payment_still_contests_it(read, text):
    found = read(text)
    assert found.route is Route.ESCALATE
    assert "unrecognised_charge" in found.intents

"""The words of the papers, in every language. Short and plain; figures and dates are written by ``templates.filters``."""

from __future__ import annotations

from collections.abc import Mapping

from inbox.message import Language

WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "invoice": "Invoice", "receipt": "Receipt", "statement": "Account statement",
        "royalty_statement": "Royalty statement", "plan": "Payment schedule", "invoices": "Invoices",
        "payments": "Payments", "refunds": "Refunds", "withdrawals": "Withdrawals", "schedule": "Schedule",
        "for": "For", "account": "Account", "titles": "Titles", "issued": "Issued", "due": "Due", "what": "For what",
        "total": "Total", "paid": "Paid", "left": "Left to pay", "outstanding": "Left to pay in all", "on": "Date",
        "amount": "Amount", "method": "Paid with", "number": "Number", "status": "Status", "period": "Period",
        "to": "to", "paid_on": "Paid on", "payment": "Payment", "refunded": "Paid back", "part": "Part",
        "of": "of", "available": "Available", "pending": "Still to be confirmed", "reserve": "Kept for returns",
        "threshold": "Smallest payout", "next_run": "Next payout run", "tax_form": "Tax form",
        "destination": "Paid out to", "hold": "Payouts rest until", "none": "None in this period.",
        "as_of": "As of", "page": "Page {page} of {pages}", "requested": "Requested",
        "in_review": "This invoice is under review; nothing needs to be paid on it now.",
        "unprintable": "Characters that cannot be printed are shown as [?]. The record itself is unchanged.",
        "earned_note": "Sales reach us two to four months after the month of sale. What is kept for returns is paid later.",
        "state.open": "open", "state.paid": "paid", "state.void": "cancelled", "state.scheduled": "to come",
        "state.failed": "past due", "state.succeeded": "received", "state.pending": "pending",
        "state.refunded": "paid back", "state.approved": "approved", "state.requested": "requested",
        "state.in_review": "in review", "state.held": "on hold", "state.sent": "sent", "state.returned": "came back",
        "state.declined": "declined", "state.missing": "missing", "state.expired": "expired",
    },
    "es": {
        "invoice": "Factura", "receipt": "Recibo", "statement": "Estado de cuenta",
        "royalty_statement": "Estado de regalías", "plan": "Calendario de pagos", "invoices": "Facturas",
        "payments": "Pagos", "refunds": "Reembolsos", "withdrawals": "Retiros", "schedule": "Calendario",
        "for": "Para", "account": "Cuenta", "titles": "Títulos", "issued": "Emitida", "due": "Vence",
        "what": "Concepto", "total": "Total", "paid": "Pagado", "left": "Pendiente",
        "outstanding": "Pendiente en total", "on": "Fecha", "amount": "Importe", "method": "Forma de pago",
        "number": "Número", "status": "Estado", "period": "Período", "to": "a", "paid_on": "Pagado el",
        "payment": "Pago", "refunded": "Devuelto", "part": "Cuota", "of": "de", "available": "Disponible",
        "pending": "Por confirmar", "reserve": "Reserva para devoluciones", "threshold": "Retiro mínimo",
        "next_run": "Próximo pago de regalías", "tax_form": "Formulario fiscal", "destination": "Se paga a",
        "hold": "Pagos en espera hasta", "none": "Ninguno en este período.", "as_of": "Al",
        "page": "Página {page} de {pages}", "requested": "Solicitado",
        "in_review": "Esta factura está en revisión; por ahora no hay que pagar nada de ella.",
        "unprintable": "Los caracteres que no se pueden imprimir aparecen como [?]. El registro no cambia.",
        "earned_note": "Las ventas nos llegan de dos a cuatro meses después. La reserva para devoluciones se paga más tarde.",
        "state.open": "pendiente", "state.paid": "pagado", "state.void": "anulada", "state.scheduled": "por vencer",
        "state.failed": "vencida", "state.succeeded": "recibido", "state.pending": "pendiente",
        "state.refunded": "devuelto", "state.approved": "aprobado", "state.requested": "solicitado",
        "state.in_review": "en revisión", "state.held": "en espera", "state.sent": "enviado",
        "state.returned": "devuelto por el banco", "state.declined": "rechazado", "state.missing": "falta",
        "state.expired": "vencido",
    },
    "pt": {
        "invoice": "Fatura", "receipt": "Recibo", "statement": "Extrato da conta",
        "royalty_statement": "Extrato de royalties", "plan": "Calendário de parcelas", "invoices": "Faturas",
        "payments": "Pagamentos", "refunds": "Reembolsos", "withdrawals": "Saques", "schedule": "Parcelas",
        "for": "Para", "account": "Conta", "titles": "Títulos", "issued": "Emitida", "due": "Vence",
        "what": "Referente a", "total": "Total", "paid": "Pago", "left": "A pagar", "outstanding": "A pagar no total",
        "on": "Data", "amount": "Valor", "method": "Forma de pagamento", "number": "Número", "status": "Situação",
        "period": "Período", "to": "a", "paid_on": "Pago em", "payment": "Pagamento", "refunded": "Devolvido",
        "part": "Parcela", "of": "de", "available": "Disponível", "pending": "A confirmar",
        "reserve": "Reserva para devoluções", "threshold": "Saque mínimo", "next_run": "Próximo pagamento de royalties",
        "tax_form": "Formulário fiscal", "destination": "Pago em", "hold": "Pagamentos em espera até",
        "none": "Nenhum neste período.", "as_of": "Em", "page": "Página {page} de {pages}", "requested": "Solicitado",
        "in_review": "Esta fatura está em análise; por enquanto não é preciso pagar nada dela.",
        "unprintable": "Caracteres que não podem ser impressos aparecem como [?]. O registro não muda.",
        "earned_note": "As vendas chegam de dois a quatro meses depois. A reserva para devoluções é paga mais tarde.",
        "state.open": "em aberto", "state.paid": "pago", "state.void": "cancelada", "state.scheduled": "a vencer",
        "state.failed": "vencida", "state.succeeded": "recebido", "state.pending": "pendente",
        "state.refunded": "devolvido", "state.approved": "aprovado", "state.requested": "solicitado",
        "state.in_review": "em análise", "state.held": "em espera", "state.sent": "enviado",
        "state.returned": "devolvido pelo banco", "state.declined": "recusado", "state.missing": "falta",
        "state.expired": "vencido",
    },
}  # fmt: skip


def state_words(state: str, language: Language) -> str:
    """A state of a record in words; one we have no words for is shown as it stands."""
    return WORDS[language].get(f"state.{state}", state.replace("_", " "))

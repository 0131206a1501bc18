"""Words that mail programs write around a reply, per language: data for ``mail_reply`` and ``mail_kind``."""

from __future__ import annotations


def word_set(*words: str) -> frozenset[str]:
    """The words of some lines; a table reads better than a column of quoted words."""
    return frozenset(word for line in words for word in line.split())


#: The verb of an attribution line, "On … NAME wrote:".
WROTE = word_set(
    "wrote writes said escribió escribio escribía escreveu escrevia écrit ecrit schrieb schreibt scritto schreef "
    "geschreven skrev skrifaði napisał napisała napísal napsal kirjoitti írta yazdı "
    "пишет написал написала писал писала написав έγραψε написа כתב كتب 写道 写到 寫道 wrote： 於 kirjutas rašė rakstīja scris"
)
#: How such a line may begin.
WROTE_STARTS = (
    "on ", "el ", "em ", "no dia ", "le ", "am ", "il ", "op ", "den ", "på ", "w dniu ", "dne ", "dňa ", "pada ", "vào ",
    "în ", "ngày ", "at ", "в ", "στις ", "在", "于", "a ",
)  # fmt: skip
#: Verbs of languages that write without spaces.
WROTE_ENDINGS = ("写道", "寫道", "写到", "のメッセージ", "님이 작성")
#: "From:" in header blocks that mail programs put above the old mail.
FROM_LABELS = word_set(
    "from de von da van från fra od od: kimden lähettäjä feladó expéditeur expéditrice remitente remetente von: od "
    "от від από mittente afzender отправитель nadawca odesílatel avsender afsender dari 发件人 寄件者 差出人 보낸사람 送信者 "
    "reply-to"
) | {"보낸 사람"}
#: The other labels of such a block.
OTHER_LABELS = word_set(
    "to cc bcc date sent subject received enviado enviada para asunto assunto fecha data cc: gesendet an betreff datum "
    "envoyé date: à objet oggetto inviato a verzonden aan onderwerp skickat till ämne kopia dato sendt til emne wysłano "
    "do temat datum: komu předmět odesláno kenelle lähetetty aihe címzett tárgy elküldve дата кому тема копия отправлено "
    "konu kime tarih 发送时间 收件人 主题 抄送 日期 寄件日期 收件者 主旨 日時 宛先 件名 보낸날짜 받는사람 제목 importance priority attachments "
    "adjuntos anexos prioridad organization"
) | {"enviado el", "enviado em", "enviada em", "reply to", "sent at"}
#: Words in dashed lines above the old mail, "----- Original Message -----".
OLD_MAIL_WORDS = word_set(
    "message mensaje mensagem nachricht messaggio bericht meddelande meddelelse melding wiadomość zpráva správa "
    "сообщение viesti üzenet mesaj ileti forwarded reenviado reenviada encaminhada weitergeleitete transféré "
    "inoltrato doorgestuurd doorgestuurde original originale ursprüngliche oprindelig mensagen 原始邮件 転送メッセージ "
    "원본 邮件 邮件原件 mail e-mail antwort reply"
)
#: Lines that announce the old mail without dashes around them.
OLD_MAIL_LINES = (
    "forwarded message",     "begin forwarded message", "inicio del mensaje reenviado", "início da mensagem encaminhada",
    "inicio da mensagem encaminhada", "anfang der weitergeleiteten nachricht", "début du message transféré",
    "début du message réexpédié", "inizio messaggio inoltrato", "begin doorgestuurd bericht", "vidarebefordrat brev",
)  # fmt: skip
#: How the line of a mail program about itself begins.
FOOTERS = (
    "sent from my ", "sent from mail for ", "sent from outlook", "sent from samsung", "sent from yahoo", "sent from proton",
    "sent with ", "sent via ", "sent using ", "sent by ", "get outlook for ", "download outlook", "via mobile", "sent from a ",
    "sent on the go", "sent from the ", "sent from windows", "sent from ",
    "enviado desde mi ", "enviado desde ", "enviado desde outlook", "enviado con ", "obtener outlook para ", "obtén outlook",
    "enviado do meu ", "enviado a partir d", "enviado via ", "enviado pelo ", "enviado de mi ", "enviada do ", "obter o outlook",
    "obtenha o outlook", "envoyé de mon ", "envoyé depuis ", "envoyé à partir ", "télécharger outlook", "obtenir outlook",
    "obtenez outlook", "von meinem ", "gesendet von ", "gesendet mit ", "outlook für ", "holen sie sich outlook",
    "inviato da ", "inviato dal ", "scarica outlook", "ottieni outlook", "verzonden vanaf ", "verstuurd vanaf ", "verzonden vanuit ", "outlook voor ",
    "skickat från ", "sendt fra ", "wysłane z ", "odesláno z ", "lähetetty ", "отправлено с ", "отправлено из ", "发自我的", "iphoneから送信",
    "iphone에서 보냄", "telefonumdan gönderildi",
)  # fmt: skip
#: Closing words above a name; what follows the name is a signature.
SIGN_OFFS = (
    "thanks", "thank you", "many thanks", "thanks again", "thanks in advance", "regards", "best regards", "kind regards",
    "warm regards", "best", "best wishes", "all the best", "cheers", "sincerely", "yours sincerely", "yours truly", "yours",
    "respectfully", "cordially", "gracias", "muchas gracias", "saludos", "un saludo", "saludos cordiales", "atentamente",
    "cordialmente", "un abrazo", "abrazos", "obrigado", "obrigada", "muito obrigado", "muito obrigada", "atenciosamente",
    "abraços", "abraço", "cumprimentos", "grato", "grata", "cordialement", "bien cordialement", "merci", "mit freundlichen grüßen",
    "viele grüße", "freundliche grüße", "mfg", "cordiali saluti", "grazie", "met vriendelijke groet", "groeten",
    "med vänliga hälsningar", "mvh", "med venlig hilsen", "vh", "pozdrawiam", "s pozdravem", "ciao", "thx", "rgds", "kr", "br",
)  # fmt: skip
#: How a legal notice begins.
NOTICES = (
    "this email and any", "this e-mail and any", "this message and any", "this message contains confidential", "confidentiality notice",
    "the information contained in this", "the information in this e-mail", "the information in this email",
    "this email is confidential", "this e-mail is confidential", "this communication is", "this message is intended",
    "this email may contain", "this e-mail may contain", "disclaimer:", "notice of confidentiality", "legal notice", "if you are not the intended recipient",
    "the contents of this email", "the contents of this e-mail", "please consider the environment", "privileged/confidential",
    "este mensaje y", "este correo electrónico", "aviso legal", "aviso de confidencialidad", "la información contenida en este",
    "esta mensagem", "este e-mail", "aviso de confidencialidade", "ce message et", "diese e-mail enthält", "caution: external",
    "caution: this email", "external email:", "[external]",
)  # fmt: skip
#: How the subject of an absence note begins, lower case.
AWAY_SUBJECTS = (
    "automatic reply", "auto reply", "auto-reply", "autoreply", "auto response", "autoresponse", "auto-response",
    "automated response", "automated reply", "out of office", "out of the office", "out-of-office", "ooo:", "auto:", "[auto",
    "away from", "i am away", "on vacation", "vacation reply", "on leave", "on holiday", "holiday reply",
    "respuesta automática", "respuesta automatica", "fuera de la oficina", "fuera de oficina", "ausente de la oficina", "estoy de vacaciones",
    "resposta automática", "resposta automatica", "fora do escritório", "fora do escritorio", "ausência", "ausência temporária", "ausente do escritório", "estou de férias",
    "réponse automatique", "reponse automatique", "absence du bureau", "message d'absence", "absent du bureau", "je suis absent",
    "automatische antwort", "abwesenheitsnotiz", "abwesenheitsassistent", "abwesenheit", "autom. antwort", "bin nicht im büro",
    "risposta automatica", "fuori ufficio", "fuori sede", "assente dall'ufficio", "automatisch antwoord", "afwezigheid", "niet aanwezig", "automatiskt svar",
    "autosvar", "automatisk svar", "frånvaro", "ikke til stede", "fraværende", "automaattinen vastaus", "poissa", "odpowiedź automatyczna", "autoodpowiedź", "nieobecność",
    "automatická odpověď", "mimo kancelář", "automatikus válasz", "házon kívül", "otomatik yanıt", "ofis dışında", "автоответ", "автоматический ответ", "отсутствую",
    "αυτόματη απάντηση", "自动回复", "自動回覆", "自動回復", "自動応答", "自動返信", "不在", "자동 회신", "자동 응답", "부재중", "رد تلقائي", "מענה אוטומטי", "trả lời tự động", "balasan otomatis", "ตอบกลับอัตโนมัติ",
    "răspuns automat", "automatische beantwortung",
)  # fmt: skip
#: How the subject of a mail about a mail that did not arrive begins or what it holds, lower case.
BOUNCE_SUBJECTS = (
    "undeliver", "delivery status notification", "delivery failure", "delivery failed", "delivery has failed", "delivery problem",
    "delivery notification", "delivery report", "mail delivery", "failure notice", "returned mail", "mail returned", "message not delivered",
    "undelivered", "message delivery", "non delivery", "non-delivery", "nondeliverable", "non remis", "unzustellbar", "nicht zugestellt",
    "zustellung", "no se puede entregar", "no entregado", "no se pudo entregar", "não entregue", "nao entregue", "não foi possível entregar",
    "falha na entrega", "error de entrega", "fallo de entrega", "notificación de entrega", "mancata consegna", "onbestelbaar", "kan inte levereras",
    "échec de la remise", "non délivré", "недоставлен", "не доставлено", "配信", "退信", "returned to sender", "could not be delivered",
    "cannot be delivered", "couldn't be delivered", "wasn't delivered", "was not delivered", "rejected:", "mail failure", "mail error", "delivery error",
    "delivery incomplete", "delivery delayed", "delayed mail", "warning: could not send", "warning: message", "user unknown", "permanent error",
    "address not found", "mail system error", "returning message", "unable to deliver", "message failure", "postmaster notify", "mailer-daemon",
    "undelivrable", "notification d'état",
)  # fmt: skip
#: Local parts of machines that report about mail.
DAEMONS = word_set(
    "mailer-daemon mailerdaemon mail-daemon maildaemon mailer_daemon mail_daemon mdaemon emailsystem mail.daemon"
)
#: Local parts where both people and machines write.
POSTMASTERS = frozenset({"postmaster"})
#: Local parts of machines that do not read answers.
NO_REPLY = (
    "no-reply",
    "noreply",
    "no_reply",
    "no.reply",
    "do-not-reply",
    "donotreply",
    "do_not_reply",
    "nao-responda",
    "naoresponda",
    "no-responder",
    "noresponder",
    "notifications-noreply",
)

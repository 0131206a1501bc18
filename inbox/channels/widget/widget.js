/* Inbox chat: <script src="https://inbox.example/widget.js" async></script>, or an <inbox-chat> element. See docs/chat.md. */
(() => {
if (customElements.get('inbox-chat')) return;

const SCRIPT = document.currentScript;
const BASE = SCRIPT ? new URL('.', SCRIPT.src).href : location.origin + '/';

const WORDS = {
	en: {
		title: 'Support', open: 'Open chat', close: 'Close chat', bot: 'Automated assistant', you: 'You', log: 'Messages',
		write: 'Write a message', send: 'Send', earlier: 'Show earlier messages', typing: 'is writing', unread: 'new',
		hello: 'You are writing with an automated assistant. To reach a person, just ask.',
		offline: 'No connection. Your messages are kept and sent when it is back.',
		out: 'Your sign-in has run out. Reload the page to see your account here again.',
		sending: 'Sending', sent: 'Sent', seen: 'Received', failed: 'Not sent',
	},
	es: {
		title: 'Ayuda', open: 'Abrir el chat', close: 'Cerrar el chat', bot: 'Asistente automático', you: 'Usted', log: 'Mensajes',
		write: 'Escriba un mensaje', send: 'Enviar', earlier: 'Ver mensajes anteriores', typing: 'está escribiendo', unread: 'sin leer',
		hello: 'Está escribiendo con un asistente automático. Si prefiere a una persona, solo pídalo.',
		offline: 'Sin conexión. Guardamos sus mensajes y los enviamos cuando vuelva.',
		out: 'Su sesión ha terminado. Recargue la página para volver a ver su cuenta aquí.',
		sending: 'Enviando', sent: 'Enviado', seen: 'Recibido', failed: 'No enviado',
	},
	pt: {
		title: 'Ajuda', open: 'Abrir o chat', close: 'Fechar o chat', bot: 'Assistente automático', you: 'Você', log: 'Mensagens',
		write: 'Escreva uma mensagem', send: 'Enviar', earlier: 'Ver mensagens anteriores', typing: 'está escrevendo', unread: 'não lidas',
		hello: 'Você está escrevendo com um assistente automático. Se preferir uma pessoa, é só pedir.',
		offline: 'Sem conexão. Guardamos suas mensagens e enviamos quando ela voltar.',
		out: 'Sua sessão terminou. Recarregue a página para ver sua conta aqui de novo.',
		sending: 'Enviando', sent: 'Enviada', seen: 'Recebida', failed: 'Não enviada',
	},
};

const CSS = `
:host{all:initial;--bg:#fff;--fg:#1b2430;--soft:#566375;--line:#e0e5eb;--theirs:#eef2f6;--accent:var(--inbox-accent,#1d5c9e);
--on:var(--inbox-on-accent,#fff);--warn:#fdf3d8;--warnfg:#5c4403;--bad:#b3261e;position:fixed;right:20px;bottom:20px;z-index:2147483000;
font:15px/1.45 system-ui,sans-serif;color:var(--fg);color-scheme:light dark}
:host([inline]){position:static;display:block;height:100%;min-height:320px}
@media (prefers-color-scheme:dark){:host{--bg:#151a21;--fg:#e7ecf2;--soft:#9dabbb;--line:#2b343f;--theirs:#242c37;
--accent:var(--inbox-accent,#2f6fb5);--warn:#3a3113;--warnfg:#f3e2ad;--bad:#ff9d94}}
*{box-sizing:border-box}
[hidden]{display:none!important}
button{font:inherit;color:inherit;background:none;border:0;margin:0;padding:0;cursor:pointer}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;box-shadow:0 0 0 2px var(--bg)}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
svg{display:block;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.launch,.mark,.go,.shut{display:grid;place-items:center;flex:none;border-radius:50%}
.launch,.mark,.go,.mine .text{background:var(--accent);color:var(--on)}
.kind,.intro,.more,.day,.who,.meta,.type{margin:0;font-size:12.5px;line-height:1.4;color:var(--soft)}
.launch{position:relative;width:58px;height:58px;box-shadow:0 4px 16px #0b203a4d}
.count{position:absolute;top:-4px;right:-4px;min-width:22px;padding:0 6px;border-radius:11px;background:#b3261e;color:#fff;
font-size:12px;font-weight:600;line-height:22px}
.panel{display:flex;flex-direction:column;width:380px;height:min(620px,calc(100dvh - 40px));background:var(--bg);
border:1px solid var(--line);border-radius:16px;overflow:hidden;box-shadow:0 12px 40px #0b203a40}
:host([inline]) .panel{width:100%;height:100%;min-height:inherit;box-shadow:none}
header{display:flex;align-items:center;gap:12px;padding:14px 16px;border-bottom:1px solid var(--line)}
.mark{width:38px;height:38px;font-weight:600;font-size:17px}
h2{margin:0;font-size:16px;line-height:1.3;font-weight:600;overflow-wrap:anywhere}
.shut{width:40px;height:40px;margin:-4px -8px -4px auto;color:var(--soft)}
.bar{margin:0;padding:9px 16px;background:var(--warn);color:var(--warnfg);font-size:13px}
.bar:empty{display:none}
.log{flex:1;overflow-y:auto;overscroll-behavior:contain;padding:16px}
.log:focus-visible{outline-offset:-3px}
.intro{margin:0 auto 14px;max-width:30ch;text-align:center}
.more{display:block;margin:0 auto 12px;padding:6px 12px;border:1px solid;border-radius:14px}
.day{margin:14px 0 10px;text-align:center}
.m{display:flex;flex-direction:column;align-items:flex-start;margin-top:10px}
.m.next{margin-top:3px}
.who{margin:0 0 3px 4px}
.next .who{display:none}
.text{max-width:86%;padding:9px 13px;border-radius:16px 16px 16px 4px;background:var(--theirs);white-space:pre-wrap;
overflow-wrap:anywhere;unicode-bidi:isolate}
.text a{color:inherit;outline-color:currentColor}
.mine{align-items:flex-end}
.mine .text{border-radius:16px 16px 4px 16px}
.meta{display:flex;align-items:center;gap:4px;margin:3px 4px 0}
.bad .meta{color:var(--bad)}
.type{display:flex;align-items:center;gap:8px;padding:0 20px 10px}
.dots{display:flex;gap:4px}
.dots i{width:6px;height:6px;border-radius:50%;background:currentColor;animation:dot 1.2s infinite}
.dots i:nth-child(2){animation-delay:.15s}.dots i:nth-child(3){animation-delay:.3s}
@keyframes dot{0%,60%,100%{opacity:.3}30%{opacity:1}}
form{display:flex;align-items:flex-end;gap:8px;padding:10px 12px;border-top:1px solid var(--line)}
textarea{flex:1;min-width:0;max-height:132px;height:42px;padding:9px 13px;border:1px solid var(--soft);border-radius:14px;
background:var(--bg);color:inherit;font:inherit;resize:none}
textarea::placeholder{color:var(--soft);opacity:1}
textarea:focus-visible{outline-offset:-2px}
.go{width:42px;height:42px}
.go[aria-disabled=true]{background:var(--theirs);color:var(--soft)}
@media (max-width:480px){:host(:not([inline])) .panel{position:fixed;inset:0;width:100vw;height:100dvh;border:0;border-radius:0}
textarea{font-size:16px}}
@media (prefers-reduced-motion:reduce){*{animation:none!important}}
@media (forced-colors:active){.text,.launch,.go,.mark{border:1px solid}}
`;

const HIDE = {'aria-hidden': 'true'};
const ICONS = {
	chat: 'M21 12a8 8 0 0 1-8 8H4l2-3.2A8 8 0 1 1 21 12Z M9 11h8 M9 14.5h5',
	shut: 'M6 6l12 12 M18 6L6 18', go: 'M12 19V5 M6 11l6-6 6 6',
	one: 'M6 13l4 4 9-10', two: 'M2 13l4 4 8-9 M11 16l1 1 9-10', wait: 'M12 7v5l3 2 M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Z',
};

/* h('p.bar', {…}, …): an element with class, attributes (on…: listeners) and children. */
function h(name, props, ...children) {
	const [tag, style] = name.split('.');
	const made = document.createElement(tag);
	if (style) made.className = style;
	for (const [key, value] of Object.entries(props || {})) {
		if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
		else if (value === true) made.setAttribute(key, '');
		else if (value !== false) made.setAttribute(key, value);
	}
	made.append(...children);
	return made;
}

function icon(name, size) {
	const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
	for (const [k, v] of Object.entries({viewBox: '0 0 24 24', width: size, height: size, ...HIDE})) svg.setAttribute(k, v);
	const path = document.createElementNS(svg.namespaceURI, 'path');
	path.setAttribute('d', ICONS[name]);
	svg.append(path);
	return svg;
}

/* Text, with web addresses to click. */
function linked(text) {
	const out = [];
	let at = 0;
	for (const found of text.matchAll(/https?:\/\/[^\s<>"]+/gi)) {
		const address = found[0].replace(/[.,;:!?)\]'’]{1,9}$/, '');
		let url;
		try { url = new URL(address); } catch { continue; }
		if (url.username || url.password) continue; // user@host misleads
		out.push(text.slice(at, found.index), h('a', {href: url.href, target: '_blank', rel: 'noopener noreferrer nofollow'}, address));
		at = found.index + address.length;
	}
	out.push(text.slice(at));
	return out;
}

/* Browser storage may be forbidden or full: then memory does, until the page is left. */
const P = 'inbox-chat.';
function store(kind) {
	const memory = {};
	let box = memory;
	try { box = window[kind]; box.setItem('inbox-chat', ''); } catch { box = memory; }
	return {
		get: (key) => memory[P + key] || box[P + key] || '',
		set: (key, value) => { try { box[P + key] = value; } catch { memory[P + key] = value; } },
		drop: (key) => { delete memory[P + key]; delete box[P + key]; },
		keys: () => Object.keys({...box, ...memory}),
	};
}
const kept = store('localStorage');
const tab = store('sessionStorage');
const uuid = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');

class InboxChat extends HTMLElement {
	static observedAttributes = ['token', 'open'];

	constructor() {
		super();
		this.lines = []; // as the server sent them, oldest first
		this.waiting = new Map(); // id -> {id, view, text, at}: said, not yet in the history
		this.view = tab.get('view');
		this.tries = 0;
		this.low = true;
		this.attachShadow({mode: 'open'});
		const sheet = new CSSStyleSheet(); // allowed by a strict content security policy, unlike a style element
		sheet.replaceSync(CSS);
		this.shadowRoot.adoptedStyleSheets = [sheet];
	}

	/* Public: a fresh token of the host site, or '' when the author signs out. */
	setToken(token) {
		if (token === this.token) return;
		this.token = token || '';
		this.sure = false; // whose chat it is, the next ready tells
		if (this.ws?.readyState === 1) this.greet(); else this.connect();
	}

	get inline() { return this.hasAttribute('inline'); }
	get isOpen() { return this.inline || this.hasAttribute('open'); }

	connectedCallback() {
		if (!this.token) this.token = this.getAttribute('token') || '';
		if (tab.get('open')) this.setAttribute('open', '');
		this.build();
		for (const entry of this.outbox()) this.waiting.set(entry.id, entry);
		this.paint();
		this.listeners = [
			[window, 'online', () => { this.tries = 0; this.connect(); }],
			[window, 'offline', () => this.lost(0)],
			[window, 'storage', (e) => this.otherTab(e)],
			[document, 'visibilitychange', () => { if (!document.hidden) { this.connect(); this.mark(); } }],
		];
		for (const [on, event, run] of this.listeners) on.addEventListener(event, run);
		this.connect();
	}

	disconnectedCallback() {
		for (const [on, event, run] of this.listeners) on.removeEventListener(event, run);
		this.lost(0);
		clearTimeout(this.timer);
		this.shadowRoot.replaceChildren();
	}

	attributeChangedCallback(name, old, value) {
		if (!this.isConnected || old === value || !this.log) return;
		if (name === 'token') this.setToken(value);
		else this.show();
	}

	// What is on the screen.

	build() {
		const tongues = [this.getAttribute('lang'), ...navigator.languages];
		this.tongue = tongues.map((t) => (t || '').slice(0, 2).toLowerCase()).find((t) => WORDS[t]) || 'en';
		const w = this.w = WORDS[this.tongue];
		const company = this.company = this.getAttribute('company') || w.title;
		this.count = h('span.count', {hidden: true, ...HIDE});
		this.launch = h('button.launch', {type: 'button', 'aria-controls': 'panel', onclick: () => this.toggle(true)},
			icon('chat', 28), this.count);
		this.bar = h('p.bar', {role: 'status'});
		this.older = h('button.more', {type: 'button', hidden: true, onclick: () => this.send({type: 'more', before: this.lines[0].cursor})}, w.earlier);
		this.list = h('div');
		this.queue = h('div', {'aria-live': 'off'});
		this.log = h('div.log', {role: 'log', 'aria-live': 'polite', 'aria-label': w.log, tabindex: '0'},
			h('p.intro', {}, w.hello), this.older, this.list, this.queue);
		this.log.onscroll = () => { this.low = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 90; };
		new ResizeObserver(() => { if (this.low) this.bottom(); }).observe(this.log);
		this.writer = h('span');
		this.typing = h('div.type', {role: 'status', hidden: true},
			h('span.dots', {...HIDE}, h('i'), h('i'), h('i')), this.writer);
		this.box = h('textarea', {rows: '1', 'aria-label': w.write, placeholder: w.write, maxlength: '4000', dir: 'auto',
			oninput: () => this.typed(), onkeydown: (e) => this.key(e)});
		this.go = h('button.go', {type: 'submit', 'aria-label': w.send, 'aria-disabled': 'true'}, icon('go', 22));
		this.panel = h('section.panel', {id: 'panel', role: this.inline ? 'region' : 'dialog', 'aria-label': company, hidden: true,
			lang: this.tongue, onkeydown: (e) => this.panelKey(e)},
		h('header', {}, h('span.mark', {...HIDE}, company.trim().slice(0, 1).toUpperCase()),
			h('div', {}, h('h2', {}, company), h('p.kind', {}, w.bot)),
			this.inline ? '' : h('button.shut', {type: 'button', 'aria-label': w.close, onclick: () => this.toggle(false)}, icon('shut', 20))),
		this.bar, this.log, this.typing,
		h('form', {onsubmit: (e) => { e.preventDefault(); this.say(); }}, this.box, this.go));
		this.shadowRoot.append(this.panel, this.inline ? '' : this.launch);
		this.show();
	}

	toggle(open) {
		this.toggleAttribute('open', open);
		(open ? this.box : this.launch).focus();
	}

	show() {
		const open = this.isOpen;
		this.panel.hidden = !open;
		this.launch.hidden = open;
		this.launch.setAttribute('aria-expanded', String(open));
		if (open) tab.set('open', '1'); else tab.drop('open');
		if (open) { this.connect(); this.bottom(); this.mark(); }
		this.badge();
	}

	panelKey(event) {
		if (this.inline) return;
		if (event.key === 'Escape') { event.stopPropagation(); this.toggle(false); }
		if (event.key !== 'Tab' || !matchMedia('(max-width:480px)').matches) return;
		const stops = [...this.panel.querySelectorAll('button,a,textarea,[tabindex="0"]')].filter((s) => !s.hidden);
		const [first, last] = event.shiftKey ? [stops.at(-1), stops[0]] : [stops[0], stops.at(-1)];
		if (this.shadowRoot.activeElement === last) { event.preventDefault(); first.focus(); } // full screen: nothing behind
	}

	key(event) {
		if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
		event.preventDefault();
		this.say();
	}

	typed() {
		const box = this.box;
		box.style.height = 'auto';
		box.style.height = box.value ? Math.min(box.scrollHeight + 2, 132) + 'px' : '';
		this.go.setAttribute('aria-disabled', String(!box.value.trim()));
		if (box.value && Date.now() - (this.typedAt || 0) > 3000) {
			this.typedAt = Date.now();
			this.send({type: 'typing'});
		}
	}

	bubble(line, next) {
		const mine = line.author === 'author';
		const name = mine ? this.w.you : line.name || (line.author === 'bot' ? this.w.bot : this.company);
		const at = new Date(line.at);
		const meta = h('div.meta', {}, h('time', {datetime: line.at},
			at.toLocaleTimeString(this.tongue, {hour: 'numeric', minute: '2-digit'})));
		if (mine) meta.append(...this.tick(line.state));
		return h('div', {class: `m${mine ? ' mine' : ''}${next ? ' next' : ''}${line.state === 'failed' ? ' bad' : ''}`},
			h('div', {class: mine ? 'sr' : 'who'}, name), h('div.text', {dir: 'auto'}, ...linked(line.text)), meta);
	}

	tick(state) {
		if (state === 'failed') return [h('span', {}, this.w.failed)];
		return [icon({sending: 'wait', sent: 'one', seen: 'two'}[state], 14), h('span.sr', {}, this.w[state])];
	}

	day(at) {
		const midnight = (d) => new Date(d.getFullYear(), d.getMonth(), d.getDate());
		const ago = Math.round((midnight(new Date()) - midnight(at)) / 864e5);
		return ago < 2 ? new Intl.RelativeTimeFormat(this.tongue, {numeric: 'auto'}).format(-ago, 'day')
			: at.toLocaleDateString(this.tongue, {weekday: 'long', day: 'numeric', month: 'long'});
	}

	nodesOf(line, before) {
		const at = new Date(line.at);
		const turn = !before || new Date(before.at).toDateString() !== at.toDateString();
		const next = !turn && before.author === line.author && before.name === line.name && at - new Date(before.at) < 3e5;
		const node = this.bubble(line, next);
		if (next) before.node.querySelector('.meta').hidden = true;
		line.node = node;
		return turn ? [h('div.day', {}, this.day(at)), node] : [node];
	}

	/* Everything anew; screen readers are not told of it. */
	paint() {
		this.log.setAttribute('aria-live', 'off');
		const answered = this.lines.findLastIndex((line) => line.author !== 'author');
		this.lines.forEach((line, n) => { line.state = n < answered ? 'seen' : 'sent'; });
		this.list.replaceChildren(...this.lines.flatMap((line, n) => this.nodesOf(line, this.lines[n - 1])));
		this.paintQueue();
		this.badge();
		setTimeout(() => this.log.setAttribute('aria-live', 'polite'), 200);
	}

	paintQueue() {
		const shown = [...this.waiting.values()].filter((entry) => !entry.view || entry.view === this.view);
		this.queue.replaceChildren(...shown.map((entry) => this.bubble({...entry, author: 'author', state: entry.state || 'sending'})));
	}

	bottom() { this.log.scrollTop = this.log.scrollHeight; }

	badge() {
		const unread = this.isOpen ? 0 : this.lines.filter((line) => line.author !== 'author' && line.status !== 'read').length;
		this.count.hidden = !unread;
		this.count.textContent = unread > 9 ? '9+' : unread;
		this.launch.setAttribute('aria-label', unread ? `${this.w.open}, ${unread} ${this.w.unread}` : this.w.open);
	}

	tell(text) { if (this.bar.textContent !== text) this.bar.textContent = text; }

	// The line to the server.

	connect() {
		const wanted = this.isConnected && (this.isOpen || this.token || kept.get('visitor') || this.waiting.size);
		if (!wanted || this.ws || navigator.onLine === false) return;
		clearTimeout(this.timer);
		this.timer = 0;
		const url = new URL('chat/socket', (this.getAttribute('server') || BASE).replace(/\/*$/, '/'));
		url.protocol = url.protocol.replace('http', 'ws');
		this.hellos = 0;
		const ws = this.ws = new WebSocket(url);
		ws.onopen = () => this.greet();
		ws.onmessage = (event) => { if (ws === this.ws) this.heard(JSON.parse(event.data)); };
		ws.onclose = (event) => { if (ws === this.ws) this.lost(event.code); };
		this.guard(15000);
	}

	/* No answer within this time: the line is dead even if the browser has not noticed. */
	guard(ms) {
		clearTimeout(this.watch);
		this.watch = ms ? setTimeout(() => this.lost(0), ms) : 0;
	}

	lost(code) {
		const ws = this.ws;
		this.ws = null;
		this.ready = false;
		this.inflight = '';
		this.guard(0);
		if (ws) { ws.onclose = null; ws.close(); }
		if (!this.isConnected) return;
		clearTimeout(this.timer);
		const most = code === 4401 ? 300 : code === 1001 ? 4000 : code === 1008 || code === 4429 ? 6e4 : Math.min(3e4, 500 * 2 ** this.tries);
		this.tries += 1;
		this.timer = setTimeout(() => this.connect(), 100 + Math.random() * most);
		setTimeout(() => { if (!this.ready) this.tell(this.w.offline); }, navigator.onLine === false ? 0 : 1500);
	}

	send(frame) {
		if (!this.ready && frame.type !== 'hello') return false;
		this.ws.send(JSON.stringify(frame));
		return true;
	}

	greet() {
		this.hellos += 1;
		this.ready = false;
		this.notice = '';
		const last = this.lines.at(-5) || this.lines[0];
		this.send({type: 'hello', visitor: kept.get('visitor'), token: this.token, view: this.view, cursor: last ? last.cursor : '', lang: this.tongue});
	}

	heard(frame) { this['on_' + frame.type]?.(frame); }

	on_ready(frame) {
		if (this.hellos -= 1) return; // a newer hello is under way
		this.guard(0);
		this.ready = this.sure = true;
		this.tries = 0;
		kept.set('visitor', frame.visitor);
		tab.set('view', this.view = frame.view);
		if (!frame.resumed) this.lines = [];
		for (const entry of this.waiting.values()) {
			entry.view ||= frame.view;
			this.keep(entry);
		}
		const gone = frame.history.map((line) => this.settle(line));
		this.lines.push(...frame.history.filter((line, n) => gone[n]));
		if (!frame.resumed) this.older.hidden = !frame.more;
		this.box.maxLength = frame.max_text;
		this.tell(this.notice || '');
		this.paint();
		this.bottom();
		this.mark();
		this.expect(frame.expires_at);
		this.next();
	}

	on_line(line) {
		if (!this.settle(line)) return;
		const low = this.low;
		const mine = line.author === 'author';
		if (!mine) this.on_typing({});
		line.state = 'sent';
		this.lines.push(line);
		this.list.append(...this.nodesOf(line, this.lines.at(-2)));
		if (!mine) this.answered();
		this.paintQueue();
		if (low || mine) this.bottom();
		this.badge();
		this.mark();
	}

	on_ack(frame) {
		const entry = this.waiting.get(frame.id);
		kept.drop('out.' + frame.id);
		this.inflight = '';
		this.guard(0);
		if (entry) { entry.state = 'sent'; this.paintQueue(); }
		this.next();
	}

	on_error(frame) {
		if (frame.code.startsWith('auth')) {
			if (this.hellos > 1) return;
			this.notice = this.w.out;
			this.need(frame.code.slice(5));
		} else if (/too_long|empty/.test(frame.code)) {
			const entry = this.waiting.get(frame.id);
			if (entry) entry.state = 'failed';
			kept.drop('out.' + frame.id);
			this.paintQueue();
			this.inflight = '';
			this.next();
		} else {
			this.guard(0);
			setTimeout(() => { this.inflight = ''; this.next(); }, (frame.retry_after || 5) * 1000);
		}
	}

	on_older(frame) {
		const height = this.log.scrollHeight;
		const known = new Set(this.lines.map((line) => line.message_id));
		this.lines.unshift(...frame.history.filter((line) => !known.has(line.message_id)));
		this.older.hidden = !frame.more;
		this.paint();
		this.log.scrollTop += this.log.scrollHeight - height;
		if (!frame.more) this.log.focus();
	}

	on_typing(frame) {
		clearTimeout(this.typingTimer);
		const shown = 'who' in frame;
		this.typing.hidden = !shown;
		this.writer.textContent = shown ? `${frame.who || this.w.bot} ${this.w.typing}` : '';
		if (shown) this.typingTimer = setTimeout(() => this.on_typing({}), 8000);
	}

	// Said, stored, read.

	say() {
		const text = this.box.value.trim();
		if (!text) return;
		const entry = {id: uuid(), view: this.sure ? this.view : '', text, at: new Date().toISOString()};
		this.keep(entry);
		this.waiting.set(entry.id, entry);
		this.box.value = '';
		this.typed();
		this.box.focus();
		this.paintQueue();
		this.bottom();
		this.connect();
		this.next();
	}

	/* In order, one at a time; with the same id at every attempt nothing is stored twice. */
	next() {
		const entry = [...this.waiting.values()].find((e) => !e.state && (!e.view || e.view === this.view));
		if (!entry || this.inflight || !this.ready) return;
		this.inflight = entry.id;
		this.send({type: 'say', id: entry.id, text: entry.text});
		this.guard(10000);
	}

	/* A line of the history: no longer waiting. False if it is shown already. */
	settle(line) {
		if (line.id && this.waiting.delete(line.id)) kept.drop('out.' + line.id);
		return !this.lines.some((known) => known.message_id === line.message_id);
	}

	/* Over a reload too, once it is known whose it is; not when it is stored or refused. */
	keep(entry) { if (entry.view && !entry.state) kept.set('out.' + entry.id, JSON.stringify(entry)); }

	outbox() {
		return kept.keys().filter((key) => key.startsWith(P + 'out.')).map((key) => JSON.parse(kept.get(key.slice(11))))
			.sort((a, b) => (a.at < b.at ? -1 : 1));
	}

	otherTab(event) {
		if (event.key !== 'inbox-chat.visitor' || this.token) return;
		this.lost(1000); // another tab made the visitor: be the same
		this.tries = 0;
	}

	answered() {
		for (const line of this.lines) {
			if (line.author !== 'author' || line.state === 'seen') continue;
			line.state = 'seen';
			const meta = line.node.querySelector('.meta');
			meta.replaceChildren(meta.firstChild, ...this.tick('seen'));
		}
	}

	mark() {
		const last = this.lines.findLast((line) => line.author !== 'author');
		if (!last || !this.ready || last.status === 'read') return;
		const read = this.isOpen && !document.hidden;
		if (!read && last.got) return;
		last.got = true;
		this.send({type: 'seen', cursor: last.cursor, read});
		if (read) this.on_status(last);
	}

	on_status(frame) {
		const end = this.lines.findIndex((line) => line.cursor === frame.cursor);
		this.lines.slice(0, end + 1).forEach((line) => { line.status = 'read'; });
		this.badge();
	}

	expect(at) {
		clearTimeout(this.expiry);
		if (at) this.expiry = setTimeout(() => this.need('expiring'), Math.max(1000, new Date(at) - Date.now() - 60000));
	}

	/* The host page answers with element.setToken(fresh). */
	need(reason) {
		this.dispatchEvent(new CustomEvent('inbox-token-needed', {bubbles: true, composed: true, detail: {reason}}));
	}
}

customElements.define('inbox-chat', InboxChat);

function place() {
	if (document.querySelector('inbox-chat')) return;
	const chat = document.createElement('inbox-chat');
	for (const [key, value] of Object.entries(SCRIPT.dataset)) chat.setAttribute(key, value);
	document.body.append(chat);
}
if (SCRIPT && document.readyState === 'loading') document.addEventListener('DOMContentLoaded', place);
else if (SCRIPT) place();
})();

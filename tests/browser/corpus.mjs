// Cards and what must (and must not) be seen of them.

const block = (text, more = {}) => ({ type: "TextBlock", text, wrap: true, ...more });
const body = (...items) => ({ body: items });
const PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** `html`: the exact inner HTML of what `at` finds; `texts`: seen; `none`: selectors that find nothing. */
export const cards = [
  {
    name: "bold, italic and links",
    card: body(block("**bold** __too__ *italic* _too_ [label](https://contoso.example/a?b=1&c=2)")),
    at: ".text",
    html: '<p><strong>bold</strong> <strong>too</strong> <em>italic</em> <em>too</em> <a href="https://contoso.example/a?b=1&amp;c=2" target="_blank" rel="noopener noreferrer">label</a></p>',
  },
  {
    name: "bold around italic, and a bold link",
    card: body(block("**all *of* it** [**here**](https://contoso.example/)")),
    at: ".text",
    html: '<p><strong>all <em>of</em> it</strong> <a href="https://contoso.example/" target="_blank" rel="noopener noreferrer"><strong>here</strong></a></p>',
  },
  {
    name: "what is no Markdown stays as written",
    card: body(block("snake_case_name 2 * 3 * 4 a*b \\*kept\\* \\[kept\\](x) ** alone **")),
    at: ".text",
    html: "<p>snake_case_name 2 * 3 * 4 a*b *kept* [kept](x) ** alone **</p>",
  },
  {
    name: "entities are characters and never markup",
    card: body(block("a &lt;b&gt; &amp;amp; &#42;&#x2a;c&#42;&#42; &copy; &")),
    at: ".text",
    html: "<p>a &lt;b&gt; &amp;amp; **c** &amp;copy; &amp;</p>",
  },
  {
    name: "headings, code, tables and pictures of Markdown are not Teams'",
    card: body(block("# no heading `no code` ![no picture](https://contoso.example/x.png)")),
    texts: ["# no heading `no code` !"],
    none: [".text h1", ".text code", ".text img"],
  },
  {
    name: "lists and paragraphs",
    card: body(block("Before\n- one\n- **two**\n\n3. three\n4. four\n\nline one\nline two\n\nlast")),
    at: ".text",
    html: '<p>Before</p><ul><li>one</li><li><strong>two</strong></li></ul><ol start="3"><li>three</li><li>four</li></ol><p>line one<br>line two</p><p>last</p>',
  },
  {
    name: "a mention needs its entity",
    card: {
      ...body(block("<at>Anna &amp; Co</at> and <at>Nobody</at>")),
      msteams: { entities: [{ type: "mention", text: "<at>Anna &amp; Co</at>", mentioned: { id: "29:1a", name: "Anna &amp; Co" } }] },
    },
    texts: ["@Anna & Co and <at>Nobody</at>"],
    count: [[".mention", 1]],
  },
  {
    name: "text in all its sizes and colours",
    card: body(...["small", "default", "medium", "large", "extraLarge"].map((size) =>
      block(size, { size, weight: "bolder", color: "attention", isSubtle: true, fontType: "monospace" }))),
    count: [[".weight-bolder.color-attention.subtle.mono", 5], [".size-extralarge", 1]],
  },
  {
    name: "rich text",
    card: body({
      type: "RichTextBlock",
      inlines: ["plain ", { type: "TextRun", text: "**stars stay**", italic: true, strikethrough: true, highlight: true, color: "good" }],
    }),
    texts: ["plain **stars stay**"],
    count: [[".rich .italic.strikethrough.highlight.color-good", 1]],
  },
  {
    name: "facts",
    card: body({ type: "FactSet", facts: [{ title: "Who", value: "**Anna**" }, { title: "Empty" }, null, { title: 1, value: true }] }),
    texts: ["Who", "Anna", "1", "true"],
    count: [[".facts dt", 4], [".facts dd", 4], [".facts dd strong", 1]],
  },
  {
    name: "columns, containers and styles",
    card: body({
      type: "Container", style: "good", bleed: true, minHeight: "80px", verticalContentAlignment: "center",
      items: [{
        type: "ColumnSet",
        columns: [
          { type: "Column", width: "auto", items: [block("left")] },
          { type: "Column", width: 2, separator: true, style: "warning", items: [block("right")] },
          { type: "Column", width: "80px", items: [block("third")] },
        ],
      }],
    }),
    texts: ["left", "right", "third"],
    count: [[".container.style-good.bleed", 1], [".column", 3], [".column.style-warning.separator", 1]],
  },
  {
    name: "pictures, and what stands for one that does not come",
    card: body(
      { type: "Image", url: PIXEL, altText: "a pixel", size: "medium", style: "person" },
      { type: "Image", url: "javascript:alert(1)", altText: "no such picture" },
      { type: "ImageSet", imageSize: "small", images: [{ type: "Image", url: PIXEL }, { type: "Image", url: PIXEL }] },
    ),
    texts: ["no such picture"],
    count: [[".image.person.image-medium img[alt='a pixel']", 1], [".images .image-small img", 2]],
  },
  {
    name: "a table",
    card: body({
      type: "Table", columns: [{ width: 2 }, { width: 1 }], gridStyle: "accent", verticalCellContentAlignment: "center",
      rows: [
        { type: "TableRow", cells: [{ type: "TableCell", items: [block("Service")] }, { type: "TableCell", items: [block("State")] }] },
        { type: "TableRow", cells: [{ type: "TableCell", items: [block("search")] }, { type: "TableCell", style: "good", items: [block("up")] }] },
      ],
    }),
    texts: ["Service", "State", "search", "up"],
    count: [["table.grid-accent.lined th[scope=col]", 2], ["td.style-good.v-center", 1]],
  },
  {
    name: "hidden elements, separators and spacing",
    card: body(block("seen"), block("unseen", { isVisible: false, id: "x" }), block("below", { separator: true, spacing: "extraLarge" })),
    texts: ["seen", "below"],
    unseen: ["unseen"],
    count: [[".separator.space-extralarge", 1]],
  },
  {
    name: "what Teams does not know is replaced, dropped or named",
    card: body(
      { type: "Chart.Pie", fallback: block("the fallback") },
      { type: "Media", fallback: "drop" },
      { type: "CompoundButton" },
      { type: "constructor" },
    ),
    texts: ["the fallback", "Teams does not show “CompoundButton”.", "Teams does not show “constructor”."],
    none: ["video", "audio"],
  },
  {
    name: "a newer version shows its fallback text",
    card: { version: "1.6", fallbackText: "Your client is too old", body: [block("unseen")] },
    texts: ["Your client is too old"],
    unseen: ["unseen"],
  },
  {
    name: "full width, right to left",
    card: { ...body(block("مرحبا")), rtl: true, lang: "ar", msteams: { width: "Full" } },
    texts: ["مرحبا"],
    count: [[".card.full", 1], [".card-face[dir=rtl][lang=ar]", 1]],
  },
  {
    name: "at most six buttons, the others behind a menu",
    card: { body: [block("buttons")], actions: [1, 2, 3, 4, 5, 6, 7, 8].map((n) => ({ type: "Action.Submit", title: `Button ${n}` })) },
    buttons: ["Button 1", "Button 6", "More actions"],
    unseen: ["Button 7"],
  },
  {
    name: "buttons that Teams does not know fall back or vanish",
    card: {
      body: [block("buttons")],
      actions: [
        { type: "Action.Http", title: "Never" },
        { type: "Action.New", title: "New", fallback: { type: "Action.OpenUrl", title: "Old", url: "https://contoso.example/" } },
        { type: "Action.Submit", title: "Off", isEnabled: false },
      ],
    },
    unseen: ["Never", "New"],
    count: [["a.action[href='https://contoso.example/']", 1], ["button.action:disabled", 1]],
  },
];

const EVIL = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script><svg onload="window.pwned=1">';
const SCRIPT = "javascript:window.pwned=1//https://contoso.example";
const evil = (text) => block(text ?? EVIL);

/** Nothing of these may run, load or become markup; each shows its text as text. */
export const attacks = [
  { name: "markup in every text", card: {
    body: [
      evil(), { type: "RichTextBlock", inlines: [EVIL, { type: "TextRun", text: EVIL }] },
      { type: "FactSet", facts: [{ title: EVIL, value: EVIL }] },
      { type: "Image", url: "x", altText: EVIL },
      { type: "Input.Text", id: "a", label: EVIL, placeholder: EVIL, value: EVIL },
      { type: "Input.ChoiceSet", id: "b", style: "expanded", choices: [{ title: EVIL, value: EVIL }] },
      { type: "Input.Toggle", id: "c", title: EVIL, label: EVIL },
      { type: EVIL },
    ],
    actions: [{ type: "Action.Submit", title: EVIL, tooltip: EVIL, iconUrl: EVIL }],
    lang: EVIL,
    fallbackText: EVIL,
  } },
  { name: "markup inside Markdown and mentions", card: {
    body: [evil(`**${EVIL}** [${EVIL}](https://contoso.example/"onmouseover="window.pwned=1) <at>${EVIL}</at>`)],
    msteams: { entities: [{ type: "mention", text: `<at>${EVIL}</at>`, mentioned: { id: EVIL, name: EVIL } }] },
  } },
  { name: "addresses that are scripts", card: {
    body: [
      evil(`[one](${SCRIPT}) [two](JaVaScRiPt:alert(1)) [three](data:text/html,<script>1</script>) [four](vbscript:x) [five]( java\tscript:alert(1)) [six](file:///etc/passwd)`),
      { type: "Image", url: SCRIPT, selectAction: { type: "Action.OpenUrl", url: SCRIPT } },
      { type: "Container", backgroundImage: `https://contoso.example/");}*{display:none}`, items: [evil("still here")] },
    ],
    actions: [{ type: "Action.OpenUrl", title: "Open", url: SCRIPT, iconUrl: SCRIPT }],
    selectAction: { type: "Action.OpenUrl", url: SCRIPT },
  }, texts: ["still here"] },
  { name: "styles that are more than styles", card: {
    body: [
      { type: "Container", minHeight: "1px;position:fixed", style: 'good" onclick="window.pwned=1', items: [evil("fine")] },
      { type: "ColumnSet", columns: [{ type: "Column", width: "1px;background:url(https://contoso.example/leak)", items: [evil("fine")] }] },
      { type: "Image", url: PIXEL, width: "1px;position:fixed", backgroundColor: "red;position:fixed" },
    ],
  }, texts: ["fine"] },
  { name: "the wrong types everywhere", card: {
    body: [
      { type: "TextBlock", text: { a: 1 } }, { type: "TextBlock", text: [EVIL] }, { type: "FactSet", facts: "x" },
      { type: "ColumnSet", columns: [1, null, { items: "x" }] }, { type: "Table", rows: [null, 1, { cells: [null, 1] }], columns: "x" },
      { type: "RichTextBlock", inlines: [null, 1, {}] }, { type: "ImageSet", images: [null, 1] }, { type: "ActionSet", actions: [null, 1, {}] },
      { type: "Input.ChoiceSet", choices: [null, 1, {}] }, { type: "Input.Text", regex: "(((", maxLength: "x" },
      null, 1, "x", [],
      evil("the rest is drawn"),
    ],
    actions: "x", msteams: { entities: "x", width: 5 }, backgroundImage: 5, selectAction: 5,
  }, texts: ["the rest is drawn"] },
  { name: "texts made to be slow", card: {
    body: ["[", "*", "_", "<at>", "**a", "[a](", "\\"].map((piece) => evil(piece.repeat(Math.floor(6_000 / piece.length)))).concat([evil("done")]),
  }, texts: ["done"] },
  { name: "containers in containers", card: {
    body: [Array.from({ length: 40 }).reduce((inner) => ({ type: "Container", items: [inner] }), evil("too deep")), evil("done")],
  }, texts: ["done", "This card is nested too deeply."] },
];

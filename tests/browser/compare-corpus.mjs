// Cards for the comparison with Microsoft's renderer: each element and property of Adaptive Cards 1.0 to 1.5 that Teams
// shows. `differs` names the row of docs/preview.md that says why the two renderers disagree; it must exist, and they must.

const PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const text = (words, more = {}) => ({ type: "TextBlock", text: words, wrap: true, ...more });
const image = (more = {}) => ({ type: "Image", url: PIXEL, altText: "a pixel", ...more });
const open = (title, more = {}) => ({ type: "Action.OpenUrl", title, url: "https://contoso.example/", ...more });
const submit = (title, more = {}) => ({ type: "Action.Submit", title, data: { a: 1 }, ...more });
const card = (...body) => ({ body });
const shown = (...body) => ({ type: "AdaptiveCard", body });
const choices = [{ title: "Red", value: "r" }, { title: "Green", value: "g" }, { title: "Blue", value: "b" }];

/** [name, card, differs] */
export const corpus = [
  // ---- TextBlock ----
  ["one text", card(text("Hello"))],
  ["texts in order", card(text("one"), text("two"), text("three"))],
  ["text in every size", card(...["small", "default", "medium", "large", "extraLarge"].map((size) => text(size, { size })))],
  ["text in every colour", card(...["default", "dark", "light", "accent", "good", "warning", "attention"].map((color) => text(color, { color })))],
  ["text in every weight, subtle, monospace", card(...["lighter", "default", "bolder"].map((weight) => text(weight, { weight, isSubtle: true, fontType: "monospace" })))],
  ["a heading", card(text("Heading", { style: "heading" }), text("below"))],
  ["text that does not wrap, and at most two lines", card(text("a long line of words ".repeat(20), { wrap: false }), text("other words ".repeat(60), { maxLines: 2 }))],
  ["text at every side", card(...["left", "center", "right"].map((side) => text(side, { horizontalAlignment: side })))],
  ["bold, italic and a link", card(text("**bold** *italic* _also_ [a link](https://contoso.example/) end"))],
  ["bold within italic within words", card(text("a **b *c* d** e"))],
  ["a bulleted list", card(text("Before\n\n- one\n- **two**\n- three"))],
  ["a numbered list", card(text("1. one\n2. two\n3. three"))],
  ["a number that begins a line of a paragraph", card(text("It was\n2026. Then came\n1. one\n2. two"))],
  ["paragraphs and lines", card(text("one\ntwo\n\nthree"))],
  ["a text that is no Markdown", card(text("snake_case 2 * 3 * 4 \\*kept\\* 50% a_b_c"))],
  ["entities", card(text("Fish &amp; chips &lt;b&gt; &quot;x&quot;"))],
  ["markup stays text", card(text("<b>not bold</b> <script>alert(1)</script>"))],
  ["right-to-left", { ...card(text("مرحبا بالعالم"), text("hello")), rtl: true, lang: "ar" }],
  ["emoji and far letters", card(text("🚀 done – ça va? 日本語"))],
  ["a text of no words", card(text(""), text("after"))],
  ["a date and a time", card(text("on {{DATE(2026-03-06T14:21:09Z, SHORT)}} at {{TIME(2026-03-06T14:21:09Z)}}"), text("{{DATE(2026-03-06T14:21:09Z, LONG)}} {{DATE(2026-03-06T14:21:09Z, COMPACT)}} {{DATE(2026-03-06T14:21:09Z)}} {{DATE(never)}}"))],
  ["a date that is none", card(text("{{DATE(2026-99-06T14:21:09Z)}}")), "impossible-dates"],
  ["a date in the card's language", { ...card(text("{{DATE(2026-03-06T14:21:09Z, LONG)}} {{TIME(2026-03-06T14:21:09Z)}}"), { type: "FactSet", facts: [{ title: "{{DATE(2026-03-06T14:21:09Z, SHORT)}}", value: "{{TIME(2026-03-06T14:21:09Z)}}" }] }, { type: "RichTextBlock", inlines: ["{{DATE(2026-03-06T14:21:09Z)}}"] }), lang: "de" }],
  ["wide spaces", card(text("a&ensp;b&emsp;c&nbsp;d"))],
  ["Markdown headings", card(text("# Heading\n\nbelow")), "headings"],
  ["code in Markdown", card(text("run `herald check` now")), "code"],
  ["a quotation in Markdown", card(text("> said\n\nbelow")), "quotations"],
  ["a picture in Markdown", card(text("before ![alt](https://contoso.example/x.png) after")), "markdown-pictures"],

  // ---- RichTextBlock ----
  ["runs of text", card({ type: "RichTextBlock", inlines: [{ type: "TextRun", text: "one " }, { type: "TextRun", text: "two", weight: "bolder", color: "good" }] })],
  ["runs that are plain strings", card({ type: "RichTextBlock", inlines: ["plain ", { type: "TextRun", text: "bold", weight: "bolder" }, " plain"] })],
  ["runs with every mark", card({ type: "RichTextBlock", horizontalAlignment: "center", inlines: ["italic", "underline", "strikethrough", "highlight"].map((mark) => ({ type: "TextRun", text: `${mark} `, [mark]: true, size: "small", isSubtle: true, fontType: "monospace" })) })],
  ["stars of a run stay", card({ type: "RichTextBlock", inlines: [{ type: "TextRun", text: "**kept** as it is" }] })],
  ["a run that is a link", card({ type: "RichTextBlock", inlines: [{ type: "TextRun", text: "press me", selectAction: open("Open") }] })],

  // ---- FactSet ----
  ["facts", card({ type: "FactSet", facts: [{ title: "Who", value: "Anna" }, { title: "When", value: "**now**" }, { title: "Where", value: "[there](https://contoso.example/)" }] })],
  ["facts between texts", card(text("before"), { type: "FactSet", facts: [{ title: "A", value: "1" }] }, text("after"))],
  ["a fact of which one side is empty", card({ type: "FactSet", facts: [{ title: "Only a title", value: "" }, { title: "", value: "only a value" }] })],
  ["Markdown in the title of a fact", card({ type: "FactSet", facts: [{ title: "**bold** [link](https://contoso.example/)", value: "1" }, { title: "- item", value: "2" }] })],
  ["two sets of facts", card({ type: "FactSet", facts: [{ title: "A", value: "1" }] }, { type: "FactSet", separator: true, spacing: "large", facts: [{ title: "B", value: "2" }] })],

  // ---- Image, ImageSet ----
  ["a picture in every size", card(...["auto", "stretch", "small", "medium", "large"].map((size) => image({ size })))],
  ["a picture of a person, in exact size, with a background", card(image({ style: "person", size: "small" }), image({ width: "40px", height: "20px", backgroundColor: "#ff0000" }))],
  ["pictures at every side", card(...["left", "center", "right"].map((side) => image({ horizontalAlignment: side })))],
  ["a picture from elsewhere", card(image({ url: "https://contoso.example/logo.png", altText: "Logo" }))],
  ["a picture that can be pressed", card(image({ selectAction: open("Go") }))],
  ["a picture without a whole address", card(image({ url: "pictures/logo.png" }), text("after")), "picture-addresses"],
  ["a set of pictures", card({ type: "ImageSet", imageSize: "small", images: [image(), image({ altText: "second" }), image({ url: "https://contoso.example/3.png", altText: "third" })] })],
  ["a set of pictures in every size", card(...["small", "medium", "large"].map((imageSize) => ({ type: "ImageSet", imageSize, images: [image()] })))],

  // ---- Container, ColumnSet, Table ----
  ["a container in every style", card(...["default", "emphasis", "good", "attention", "warning", "accent"].map((style) => ({ type: "Container", style, items: [text(style)] })))],
  ["containers in containers", card({ type: "Container", items: [text("outer"), { type: "Container", style: "emphasis", bleed: true, items: [text("inner"), { type: "Container", items: [text("innermost")] }] }] })],
  ["a container with everything", card({ type: "Container", minHeight: "120px", verticalContentAlignment: "center", rtl: false, backgroundImage: PIXEL, selectAction: open("Go"), items: [text("inside")] })],
  ["a background as a group of fields", card({ type: "Container", backgroundImage: { url: PIXEL, fillMode: "repeat", horizontalAlignment: "center", verticalAlignment: "bottom" }, items: [text("inside")] })],
  ["an empty container", card({ type: "Container", items: [] }, text("after"))],
  ["columns", card({ type: "ColumnSet", columns: [{ type: "Column", width: "auto", items: [text("left")] }, { type: "Column", width: "stretch", items: [text("middle")] }, { type: "Column", width: "60px", items: [text("right")] }] })],
  ["columns by weight, with lines and styles", card({ type: "ColumnSet", style: "emphasis", bleed: true, minHeight: "60px", horizontalAlignment: "center", columns: [{ type: "Column", width: 2, items: [text("two")] }, { type: "Column", width: "1", separator: true, spacing: "large", style: "good", verticalContentAlignment: "bottom", items: [text("one")] }] })],
  ["columns in columns", card({ type: "ColumnSet", columns: [{ type: "Column", items: [text("a"), { type: "ColumnSet", columns: [{ type: "Column", items: [text("b")] }, { type: "Column", items: [text("c")] }] }] }, { type: "Column", items: [image(), text("d")] }] })],
  ["a column that can be pressed", card({ type: "ColumnSet", selectAction: open("Set"), columns: [{ type: "Column", selectAction: submit("Column"), items: [text("press")] }] })],
  ["a hidden column", card({ type: "ColumnSet", columns: [{ type: "Column", items: [text("seen")] }, { type: "Column", isVisible: false, items: [text("unseen")] }] })],
  ["a table", card({ type: "Table", columns: [{ width: 1 }, { width: 2 }], rows: [["Name", "State"], ["search", "up"], ["basket", "down"]].map((cells) => ({ type: "TableRow", cells: cells.map((words) => ({ type: "TableCell", items: [text(words)] })) })) })],
  ["a table with everything", card({ type: "Table", firstRowAsHeader: false, showGridLines: false, gridStyle: "accent", horizontalCellContentAlignment: "center", verticalCellContentAlignment: "center", columns: [{ width: "80px", horizontalCellContentAlignment: "right" }, { width: 1, verticalCellContentAlignment: "bottom" }], rows: [{ type: "TableRow", style: "good", horizontalCellContentAlignment: "left", cells: [{ type: "TableCell", style: "warning", minHeight: "30px", bleed: true, verticalContentAlignment: "top", selectAction: open("Cell"), items: [text("one"), image()] }, { type: "TableCell", items: [] }] }] })],
  ["a table of fewer columns than cells", card({ type: "Table", columns: [{ width: 1 }], rows: [{ type: "TableRow", cells: [{ type: "TableCell", items: [text("first")] }, { type: "TableCell", items: [text("second")] }] }] })],

  // ---- what every element has ----
  ["a hidden text", card(text("seen"), text("unseen", { isVisible: false }), text("after"))],
  ["a hidden container hides what is in it", card({ type: "Container", isVisible: false, items: [text("unseen"), image()] }, text("after"))],
  ["every spacing and a line", card(...["none", "small", "default", "medium", "large", "extraLarge", "padding"].map((spacing) => text(spacing, { spacing, separator: true })))],
  ["heights", { ...card(text("auto", { height: "auto" }), { type: "Container", height: "stretch", items: [text("stretch")] }), minHeight: "200px", verticalContentAlignment: "center" }],
  ["an element nobody knows, with another instead", card({ type: "Future.Thing", fallback: text("instead") }, text("after"))],
  ["an element nobody knows, dropped", card({ type: "Future.Thing", fallback: "drop" }, text("after"))],
  ["a chain of elements instead", card({ type: "Future.Thing", fallback: { type: "Future.Other", fallback: text("the last resort") } })],
  ["an element nobody knows", card({ type: "Future.Thing" }, text("after")), "unknown-elements"],
  ["what a reader cannot do is replaced", card(text("new", { requires: { "acme.magic": "1.0" }, fallback: text("instead") }), text("after"))],
  ["what a reader cannot do is dropped", card(text("new", { requires: { "acme.magic": "*" }, fallback: "drop" }), text("can", { requires: { adaptiveCards: "1.2" } }))],
  ["a text that asks for what nobody knows, with nothing instead", card(text("still shown", { requires: { "acme.magic": "1.0" } }))],
  ["a container with something instead of what it cannot show", card({ type: "Container", fallback: text("instead of all"), items: [text("not this"), { type: "Future.Thing" }] }, text("after"))],
  ["columns with something instead", card({ type: "ColumnSet", columns: [{ type: "Column", items: [{ type: "Future.Thing" }], fallback: { type: "Column", items: [text("instead")] } }, { type: "Column", fallback: "drop", items: [{ type: "Future.Thing" }] }, { type: "Column", items: [text("plain")] }] })],
  ["something instead of something instead", card({ type: "Future.Thing", fallback: { type: "Container", fallback: text("the last"), items: [{ type: "Future.Other" }] } })],
  ["a film", card({ type: "Media", poster: PIXEL, altText: "a film", sources: [{ mimeType: "video/mp4", url: "https://contoso.example/x.mp4" }] }, text("after")), "media"],

  // ---- inputs ----
  ["a field for text", card({ type: "Input.Text", id: "a", label: "Note", placeholder: "Your words", value: "hello", maxLength: 20 })],
  ["a field for many lines, and one without a label", card({ type: "Input.Text", id: "a", label: "Story", isMultiline: true, value: "one line" }, { type: "Input.Text", id: "b", placeholder: "No label" })],
  ["a field for a password is one line", card({ type: "Input.Text", id: "p", label: "Password", style: "password", isMultiline: true })],
  ["fields for text in every style", card(...["text", "tel", "url", "email", "password"].map((style) => ({ type: "Input.Text", id: style, label: style, style })))],
  ["a required field", card({ type: "Input.Text", id: "a", label: "Name", isRequired: true, errorMessage: "Your name, please", regex: "^[a-z]+$" })],
  ["a number", card({ type: "Input.Number", id: "n", label: "How many", min: 1, max: 9, value: 3, placeholder: "1 to 9" })],
  ["a date and a time to enter", card({ type: "Input.Date", id: "d", label: "Day", value: "2026-03-02", min: "2026-01-01", max: "2026-12-31" }, { type: "Input.Time", id: "t", label: "Hour", value: "09:30", min: "08:00", max: "18:00" })],
  ["switches", card({ type: "Input.Toggle", id: "a", title: "On", value: "true" }, { type: "Input.Toggle", id: "b", title: "Off", label: "Sound" }, { type: "Input.Toggle", id: "c", title: "Yes", valueOn: "yes", valueOff: "no", value: "yes", wrap: true, isRequired: true })],
  ["a list to choose from", card({ type: "Input.ChoiceSet", id: "a", label: "Colour", choices, value: "g" })],
  ["a list with nothing chosen", card({ type: "Input.ChoiceSet", id: "a", label: "Colour", placeholder: "Pick one", choices })],
  ["choices spread out", card({ type: "Input.ChoiceSet", id: "a", label: "Colour", style: "expanded", wrap: true, choices, value: "b" })],
  ["several choices", card({ type: "Input.ChoiceSet", id: "a", label: "Colours", isMultiSelect: true, choices, value: "r,b", isRequired: true })],
  ["a hidden field", card({ type: "Input.Text", id: "a", label: "Unseen", isVisible: false }, { type: "Input.Text", id: "b", label: "Seen" })],
  ["fields among texts and columns", card(text("Before"), { type: "ColumnSet", columns: [{ type: "Column", items: [{ type: "Input.Text", id: "a", label: "Left" }] }, { type: "Column", items: [{ type: "Input.Number", id: "b", label: "Right", value: 1 }] }] }, text("After"))],
  ["a field with a button in it", card({ type: "Input.Text", id: "a", label: "Answer", inlineAction: submit("Send") }, { type: "Input.Text", id: "b", label: "With picture", inlineAction: submit("Go", { iconUrl: "https://contoso.example/go.png" }) })],
  ["a list to search in", card({ type: "Input.ChoiceSet", id: "a", label: "Colour", style: "filtered", choices, value: "r" }), "search-fields"],

  // ---- actions ----
  ["a button", { ...card(text("Press")), actions: [open("Open")] }],
  ["buttons of every kind", { ...card(text("Press", { id: "x" })), actions: [open("Open"), submit("Submit"), { type: "Action.Execute", title: "Execute", verb: "go" }, { type: "Action.ToggleVisibility", title: "Toggle", targetElements: ["x"] }, { type: "Action.ShowCard", title: "Show", card: shown(text("inner")) }] }],
  ["buttons in every style, off, and with a tooltip", { ...card(text("Press")), actions: [submit("Default", { style: "default" }), submit("Yes", { style: "positive" }), submit("No", { style: "destructive" }), submit("Off", { isEnabled: false }), submit("Tip", { tooltip: "a tip" })] }],
  ["a button with a picture", { ...card(text("Press")), actions: [open("With icon", { iconUrl: PIXEL })] }],
  ["buttons in the body", card(text("above"), { type: "ActionSet", horizontalAlignment: "right", actions: [open("One"), submit("Two")] }, text("below"))],
  ["buttons in columns", card({ type: "ColumnSet", columns: [{ type: "Column", items: [{ type: "ActionSet", actions: [open("Left")] }] }, { type: "Column", items: [{ type: "ActionSet", actions: [open("Right")] }] }] })],
  ["six buttons", { ...card(text("Press")), actions: [1, 2, 3, 4, 5, 6].map((n) => submit(`Button ${n}`)) }],
  ["buttons that are out of the way", { ...card(text("Press")), actions: [submit("First"), submit("Second", { mode: "secondary" }), submit("Third")] }],
  ["eight buttons", { ...card(text("Press")), actions: [1, 2, 3, 4, 5, 6, 7, 8].map((n) => submit(`Button ${n}`)) }, "many-buttons"],
  ["nothing but buttons that are out of the way", { ...card(text("Press")), actions: [submit("One", { mode: "secondary" }), submit("Two", { mode: "secondary" })] }],
  ["a link that is off", { ...card(text("Press")), actions: [open("Off", { isEnabled: false }), open("On")] }],
  ["buttons without a title", { ...card(text("Press")), actions: [{ type: "Action.Submit" }, open("On")] }, "untitled-buttons"],
  ["a button nobody knows", { ...card(text("Press")), actions: [{ type: "Action.Future", title: "Never" }, open("Known")] }],
  ["a button nobody knows, with another instead", { ...card(text("Press")), actions: [{ type: "Action.Future", title: "Never", fallback: open("Instead") }, { type: "Action.Future", title: "Nor this", fallback: "drop" }] }],
  ["a card that can be pressed", { ...card(text("Anywhere")), selectAction: open("Open") }],
  ["a card behind a button", { ...card(text("outside")), actions: [{ type: "Action.ShowCard", title: "More", card: shown(text("inside"), { type: "Input.Text", id: "i", label: "Inner", value: "v" }, { type: "FactSet", facts: [{ title: "A", value: "1" }] }) }] }],
  ["two cards behind two buttons", { ...card(text("outside")), actions: ["One", "Two"].map((title) => ({ type: "Action.ShowCard", title, card: { ...shown(text(`inside ${title}`)), actions: [submit(`Send ${title}`)] } })) }],
  ["a card behind a button in the body", card({ type: "ActionSet", actions: [{ type: "Action.ShowCard", title: "More", card: shown(text("inside")) }] }, text("below"))],
  ["a text that comes and goes", { ...card(text("seen", { id: "a" }), text("unseen", { id: "b", isVisible: false })), actions: [{ type: "Action.ToggleVisibility", title: "Swap", targetElements: ["a", { elementId: "b" }] }] }],
  ["texts that come, whatever they were", { ...card(text("one", { id: "a" }), { type: "Container", id: "b", isVisible: false, items: [text("two")] }), actions: [{ type: "Action.ToggleVisibility", title: "Show", targetElements: [{ elementId: "a", isVisible: true }, { elementId: "b", isVisible: true }, "nothing"] }] }],

  // ---- the card itself ----
  ["a card of nothing but buttons", { body: [], actions: [open("Open")] }],
  ["a card without a body", { actions: [open("Open")] }],
  ["a background behind it all", { ...card(text("in front")), backgroundImage: PIXEL }],
  ["an older version", { ...card(text("old")), version: "1.0" }],
  ["no version", { ...card(text("none")), version: undefined }],
  ["words instead of a newer version", { ...card(text("new")), version: "1.6", fallbackText: "Too new" }, "versions"],
  ["words for those who hear it", { ...card(text("seen")), speak: "heard", fallbackText: "unseen" }],
  ["Teams' own width and a mention", { ...card(text("Hello <at>Anna</at>")), msteams: { width: "Full", entities: [{ type: "mention", text: "<at>Anna</at>", mentioned: { id: "29:1", name: "Anna" } }] } }, "mentions"],
];

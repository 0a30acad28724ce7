// All keys of a schema, each with a text in which the cursor stands where it can be written. Derived from the schema: a
// key that is new in the language is tried here without a word.

/** `{ path, key, field, completing, hovering }` of every key below `schema`. */
export function* keysOf(schema) {
  yield* mapping(schema, schema, [], new Set());
}

function resolve(root, schema) {
  let description = schema.markdownDescription;
  let examples = schema.examples;
  for (let depth = 0; depth < 8; depth += 1) {
    const reference = schema.$ref ?? (schema.properties ? undefined : schema.allOf?.find((part) => part.$ref)?.$ref);
    if (!reference) break;
    schema = reference.slice(2).split("/").reduce((at, part) => at[part], root);
  }
  return { schema, description: description ?? schema.markdownDescription, examples: examples ?? schema.examples };
}

/** The words that may stand at this place, with their meaning. */
export function wordsOf(root, field) {
  const { schema } = resolve(root, field);
  for (const choice of [schema, ...(schema.anyOf ?? [])]) {
    if (choice.enum) return choice.enum.map((word, index) => ({ word, meaning: choice.enumDescriptions?.[index] }));
  }
  return [];
}

function* mapping(root, given, path, above) {
  const { schema } = resolve(root, given);
  if (above.has(schema)) return;
  const inside = new Set(above).add(schema);
  for (const [key, field] of Object.entries(schema.properties ?? {})) {
    const { description, examples } = resolve(root, field);
    yield {
      path: [...path, key].join("/"), key, field, description,
      completing: write([...path], "|"),
      hovering: write([...path], `|${key}: ${JSON.stringify(examples?.[0] ?? "x")}`),
      valuing: write([...path], `${key}: |`),
      listing: write([...path, key, 0], "|"),
    };
    yield* mapping(root, field, [...path, key], inside);
  }
  if (schema.items) yield* mapping(root, schema.items, [...path, 0], inside);
  if (schema.additionalProperties) yield* mapping(root, schema.additionalProperties, [...path, "name"], inside);
}

/** A text in which `line` stands at this path: a name is a key, a number an item of a list. */
function write(path, line) {
  let text = "";
  let depth = 0;
  let begun = false;
  for (const step of path) {
    const indent = begun ? "" : "  ".repeat(depth);
    if (typeof step === "number") {
      text += `${indent}- `;
      begun = true;
    } else {
      text += `${indent}${JSON.stringify(step).slice(1, -1) === step && /^[a-z_]/i.test(step) ? step : JSON.stringify(step)}:\n`;
      begun = false;
    }
    depth += 1;
  }
  return `${text}${begun ? "" : "  ".repeat(depth)}${line}\n`;
}

import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type Node } from 'yaml'
import { checkDependencies } from './inventory-order.ts'
import type { Kind } from './kind.ts'

/** A kind, and the line that declares it. */
export type Declared = { readonly kind: Kind; readonly line: number }

/** Everything that is wrong with an inventory, each with its line and field. */
export class InventoryInvalid extends Error {
  constructor(file: string, problems: readonly string[]) {
    super(`${file} cannot be read:\n${problems.map((problem) => `  ${file}:${problem}`).join('\n')}`)
    this.name = 'InventoryInvalid'
  }
}

/**
 * The kinds of resources that a federation_inventory.yaml declares; one YAML document for each extension.
 *
 * Nothing is taken for granted: a field that is misspelt would leave a sensitive one in the open, so whatever is not known
 * is an error, and all errors are told at once, by line and field.
 */
export function readInventory(file: string, text: string): Kind[] {
  const lines = new LineCounter()
  const reader = new Reader(lines)
  const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: true, merge: false })
  const declared: Declared[] = []
  for (const document of Array.isArray(documents) ? documents : []) {
    for (const { pos, message } of [...document.errors, ...document.warnings]) {
      reader.problems.push(`${lines.linePos(pos[0]).line}: ${message.split('\n')[0]}`)
    }
    if (document.errors.length === 0) declared.push(...kindsOf(reader, document.contents))
  }
  reader.problems.push(...checkDependencies(declared))
  if (reader.problems.length > 0) throw new InventoryInvalid(file, reader.problems)
  if (declared.length === 0) throw new InventoryInvalid(file, ['1: exportable_kinds: declares no kind at all'])
  return declared.map(({ kind }) => kind)
}

const KIND = /^[A-Za-z][A-Za-z0-9_]{0,63}$/
const EXTENSION = /^[a-z0-9][a-z0-9_-]{0,63}$/
const FIELD = /^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,7}$/
const DATA_CLASS = /^[a-z0-9][a-z0-9._-]{0,63}$/
const REGION = /^[a-z0-9][a-z0-9-]{0,63}$/

/** What data of a kind is when nobody says more. */
const GENERAL = 'general'

function kindsOf(reader: Reader, contents: unknown): Declared[] {
  const top = reader.fields(contents, '', ['extension', 'exportable_kinds'])
  if (!top) return []
  const extension = reader.text(top, 'extension', EXTENSION) ?? ''
  return reader.parts(top, 'exportable_kinds').flatMap((node, at) => {
    const kind = kindOf(reader, node, { extension, path: `exportable_kinds[${at}]` })
    return kind ? [kind] : []
  })
}

const OF_A_KIND = ['kind', 'dependencies', 'duplicable', 'migratable', 'data_class', 'region', 'writable', 'metadata']

function kindOf(
  reader: Reader,
  node: unknown,
  { extension, path }: { extension: string; path: string },
): Declared | undefined {
  const fields = reader.fields(node, path, OF_A_KIND)
  const name = fields && reader.text(fields, 'kind', KIND)
  if (!fields || name === undefined) return undefined
  const metadata = fields.has('metadata')
    ? reader.fields(fields.get('metadata'), `${path}.metadata`, ['sensitive_fields'])
    : undefined
  const kind: Kind = {
    kind: name,
    extension,
    dependencies: reader.texts(fields, 'dependencies', KIND),
    duplicable: reader.flag(fields, 'duplicable', true),
    migratable: reader.flag(fields, 'migratable', false),
    writable: reader.flag(fields, 'writable', false),
    dataClass: fields.has('data_class') ? (reader.text(fields, 'data_class', DATA_CLASS) ?? GENERAL) : GENERAL,
    region: fields.has('region') ? reader.text(fields, 'region', REGION) : undefined,
    sensitiveFields: metadata ? reader.texts(metadata, 'sensitive_fields', FIELD) : [],
  }
  return { kind, line: reader.lineOf(node) }
}

/** The fields of a mapping; it knows where it stands, so that what is wrong with a field can be said with its name. */
class Fields extends Map<string, unknown> {
  readonly path: string
  readonly line: number
  constructor(path: string, line: number) {
    super()
    this.path = path
    this.line = line
  }
  at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`
  }
}

/** Reads YAML nodes as what they have to be, and notes what they are not. */
class Reader {
  readonly problems: string[] = []
  readonly #lines: LineCounter

  constructor(lines: LineCounter) {
    this.#lines = lines
  }

  lineOf(node: unknown): number {
    const start = (node as Partial<Node> | null)?.range?.[0]
    return start === undefined ? 1 : this.#lines.linePos(start).line
  }

  fields(node: unknown, path: string, known: readonly string[]): Fields | undefined {
    const line = this.lineOf(node)
    if (!isMap(node)) return this.#wrong(line, path || 'the document', 'has to have fields')
    const fields = new Fields(path, line)
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : ''
      if (known.includes(name)) fields.set(name, value)
      else this.#wrong(this.lineOf(key), fields.at(name || '?'), `is no field there: ${known.join(', ')}`)
    }
    return fields
  }

  /** The parts of a list that has to be there. */
  parts(fields: Fields, name: string): readonly unknown[] {
    const node = fields.get(name)
    if (isSeq(node)) return node.items
    this.#wrong(node ? this.lineOf(node) : fields.line, fields.at(name), node ? 'has to be a list' : 'is missing')
    return []
  }

  text(fields: Fields, name: string, valid: RegExp): string | undefined {
    const node = fields.get(name)
    return node ? this.#word(node, fields.at(name), valid) : this.#wrong(fields.line, fields.at(name), 'is missing')
  }

  /** A list of different words; none when it is not there. */
  texts(fields: Fields, name: string, valid: RegExp): string[] {
    if (!fields.has(name)) return []
    const found: string[] = []
    for (const [at, node] of this.parts(fields, name).entries()) {
      const path = `${fields.at(name)}[${at}]`
      const word = this.#word(node, path, valid)
      if (word === undefined) continue
      if (found.includes(word)) this.#wrong(this.lineOf(node), path, `${word} stands there twice`)
      else found.push(word)
    }
    return found
  }

  flag(fields: Fields, name: string, unsaid: boolean): boolean {
    if (!fields.has(name)) return unsaid
    const node = fields.get(name)
    if (isScalar(node) && typeof node.value === 'boolean') return node.value
    this.#wrong(this.lineOf(node), fields.at(name), 'has to be true or false')
    return unsaid
  }

  #word(node: unknown, path: string, valid: RegExp): string | undefined {
    if (isAlias(node)) return this.#wrong(this.lineOf(node), path, 'is an alias: write it out')
    const value = isScalar(node) ? node.value : undefined
    if (typeof value === 'string' && valid.test(value)) return value
    return this.#wrong(this.lineOf(node), path, `${JSON.stringify(value)} does not look like ${valid.source}`)
  }

  #wrong(line: number, path: string, what: string): undefined {
    this.problems.push(`${line}: ${path}: ${what}`)
    return undefined
  }
}

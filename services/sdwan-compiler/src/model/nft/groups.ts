import { type Ip, PrefixTable, mustNet } from '../address.ts'

/** What addresses are compared with, by name: a set of the table, or a prefix that is its own name. */
type Elements = ReadonlyMap<string, readonly string[]>

/** What holds an address: a word, and the names that it stands for. The same names are the same word in every table. */
type Kind = { readonly word: string; readonly names: ReadonlySet<string> }

type Known = { readonly table: PrefixTable<readonly string[]>; readonly kinds: Map<string, Kind> }

/** Everything that addresses are compared with; and for each address what holds it. */
export class Groups {
  readonly #elements: Elements
  readonly #table: PrefixTable<readonly string[]>
  readonly #kinds: Map<string, Kind>

  constructor(elements: Elements, known?: Known) {
    this.#elements = elements
    this.#table = known?.table ?? new PrefixTable()
    this.#kinds = known?.kinds ?? new Map<string, Kind>()
    if (known) return
    for (const [name, each] of elements) for (const element of each) put(this.#table, element, name)
  }

  kindOf(ip: Ip): string {
    return this.#kindOf(ip).word
  }

  lies(values: readonly string[], ip: Ip): boolean {
    const { names } = this.#kindOf(ip)
    return values.some((value) => names.has(value))
  }

  /**
   * The same names with other elements: of addresses that neither joined a set nor left one, what is known stays known.
   * Undefined where that cannot be said, since more than single addresses came or went.
   */
  changedTo(elements: Elements): Groups | undefined {
    const moved = [...elements].flatMap(([name, now]) => {
      const was = this.#elements.get(name) ?? []
      return was === now || !name.startsWith('@') ? [] : movesBetween(was, now).map((move) => ({ name, ...move }))
    })
    if (moved.length === 0) return this
    if (moved.some(({ net }) => net.length < net.hex.length * 4)) return undefined
    const [table, kinds] = [this.#table.copy(), new Map(this.#kinds)]
    for (const { name, element, net, joins } of moved) {
      kinds.delete(net.hex)
      if (joins) put(table, element, name)
      else table.put(net, (table.exact(net) ?? []).filter((other) => other !== name)) // prettier-ignore
    }
    return new Groups(elements, { table, kinds })
  }

  #kindOf(ip: Ip): Kind {
    const before = this.#kinds.get(ip.hex)
    if (before) return before
    const names = new Set([...this.#table.all(ip)].flatMap(({ value }) => value))
    const kind = wordFor(ip.family, names)
    this.#kinds.set(ip.hex, kind)
    return kind
  }
}

function put(table: PrefixTable<readonly string[]>, element: string, name: string): void {
  const net = mustNet(element)
  table.put(net, [...(table.exact(net) ?? []), name])
}

function movesBetween(was: readonly string[], now: readonly string[]) {
  const [before, after] = [new Set(was), new Set(now)]
  const of = (elements: readonly string[], joins: boolean) =>
    elements.map((element) => ({ element, net: mustNet(element), joins }))
  return [
    ...of(
      [...before].filter((one) => !after.has(one)),
      false,
    ),
    ...of(
      [...after].filter((one) => !before.has(one)),
      true,
    ),
  ]
}

const words = new Map<string, Kind>()
const WORDS_AT_MOST = 100_000
let count = 0

/** Never the same word for two: what is forgotten gets another. */
function wordFor(family: number, names: ReadonlySet<string>): Kind {
  const text = `${family}:${[...names].toSorted().join()}`
  const known = words.get(text)
  if (known) return known
  if (words.size >= WORDS_AT_MOST) words.clear()
  count += 1
  const kind = { word: `g${count}`, names }
  words.set(text, kind)
  return kind
}

/** Of large tables, those lately made, by the names in them: hubs of one network have the same, and change by a member. */
const lately = new Map<string, Groups>()
const LATELY_AT_MOST = 16
const LARGE = 500

export function groupsOf(values: ReadonlySet<string>, sets: ReadonlyMap<string, readonly string[]>): Groups {
  const elements = new Map([...values].map((value) => [value, elementsOf(value, sets)]))
  let size = 0
  for (const each of elements.values()) size += each.length
  if (size < LARGE) return new Groups(elements)
  const key = [...values].join()
  const groups = lately.get(key)?.changedTo(elements) ?? new Groups(elements)
  if (lately.size >= LATELY_AT_MOST) lately.clear()
  lately.set(key, groups)
  return groups
}

function elementsOf(value: string, sets: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const elements = value.startsWith('@') ? sets.get(value.slice(1)) : [value]
  if (!elements) throw new Error(`nft: the set ${value} is not there`)
  return elements
}

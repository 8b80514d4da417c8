import { Cursor, readList, type Word, wordsOf } from './words.ts'
import { type Rule, readRule } from './rule.ts'

/** The table as it stands once the script was loaded. */
export type Table = {
  readonly sets: ReadonlyMap<string, readonly string[]>
  readonly chains: ReadonlyMap<string, Chain>
}

export type Chain = {
  readonly name: string
  readonly hook: Hook | undefined
  readonly policy: 'accept' | 'drop'
  readonly rules: readonly Rule[]
}

export type Hook = { readonly point: HookPoint; readonly kind: 'filter' | 'nat' | 'route'; readonly priority: number }
export type HookPoint = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting'

const PRIORITIES: Readonly<Record<string, number>> = { raw: -300, mangle: -150, dstnat: -100, filter: 0, srcnat: 100 }
const TABLE = ['inet', 'powernode_sdwan'] as const

export const NO_TABLE: Table = { sets: new Map(), chains: new Map() }

/** Reads a script that replaces the table as a whole. What it does not know is an error. */
export function readScript(text: string): Table {
  if (text === '') return NO_TABLE
  const table = readByBlocks(text) ?? readWhole(text)
  for (const chain of table.chains.values()) {
    for (const { verdict } of chain.rules) {
      for (const target of targetsOf(verdict)) {
        if (!table.chains.has(target)) throw new Error(`nft: ${chain.name} jumps to ${target}, which is not there`)
      }
    }
  }
  return table
}

const OPENING = 'table inet powernode_sdwan\ndelete table inet powernode_sdwan\ntable inet powernode_sdwan {\n'
const CLOSING = '\n\t}\n'

/** Large blocks as they were read, by their text: of a hub's hundreds a change makes anew but some. */
const blocks = new Map<string, Table>()
const BLOCKS_AT_MOST = 1_000
const LARGE = 500

/** Block by block, where each stands for itself: no word goes over the end of a line. Undefined where that cannot be said. */
function readByBlocks(text: string): Table | undefined {
  if (!text.startsWith(OPENING) || !text.endsWith('\n}\n')) return undefined
  const table = { sets: new Map<string, readonly string[]>(), chains: new Map<string, Chain>() }
  const last = text.length - '}\n'.length
  for (let from = OPENING.length; from < last;) {
    const end = text.indexOf(CLOSING, from) + CLOSING.length
    if (end < from + CLOSING.length || end > last) return undefined
    const block = blockOf(text.slice(from, end))
    if (!block) return undefined
    for (const [name, elements] of block.sets) once(table.sets, 'sets', name, elements)
    for (const [name, chain] of block.chains) once(table.chains, 'chains', name, chain)
    from = end
  }
  return table
}

function blockOf(text: string): Table | undefined {
  const known = blocks.get(text)
  if (known) return known
  const words = wordsOf(`${text}}`)
  if (!isOneBlock(words)) return undefined
  const block = { sets: new Map<string, readonly string[]>(), chains: new Map<string, Chain>() }
  readBlock(new Cursor(words), block)
  if (text.length < LARGE) return block
  if (blocks.size >= BLOCKS_AT_MOST) blocks.clear()
  // A copy: a piece of a text keeps the whole of it.
  blocks.set(Buffer.from(text).toString(), block)
  return block
}

/** Whether braces close where they should: the block at the end, and then the table. */
function isOneBlock(words: readonly Word[]): boolean {
  let open = 1
  const closes = words.flatMap(({ kind, text }, at) => {
    if (kind === 'mark' && text === '{') open += 1
    if (kind === 'mark' && text === '}') open -= 1
    return kind === 'mark' && text === '}' && open <= 1 ? [at] : []
  })
  return open === 0 && closes.length === 2
}

// oxlint-disable-next-line max-params -- a map, what it holds, and what comes into it
function once<T>(all: Map<string, T>, what: string, name: string, value: T): void {
  if (all.has(name)) throw new Error(`nft: two ${what} are called ${name}`)
  all.set(name, value)
}

function readWhole(text: string): Table {
  const sets = new Map<string, readonly string[]>()
  const chains = new Map<string, Chain>()
  const cursor = new Cursor(wordsOf(text))
  let replaced = false
  for (cursor.skipEnds(); !cursor.atEnd; cursor.skipEnds()) {
    if (cursor.takes('delete', 'table', ...TABLE)) {
      replaced = true
      sets.clear()
      chains.clear()
      continue
    }
    cursor.takes('add')
    cursor.expect('table', ...TABLE)
    if (cursor.takes('{')) readBlock(cursor, { sets, chains })
  }
  if (!replaced) throw new Error('nft: the script does not replace the table, so what stood there before stays')
  return { sets, chains }
}

function targetsOf(verdict: Rule['verdict']): readonly string[] {
  if (verdict.kind === 'jump' || verdict.kind === 'goto') return [verdict.chain]
  if (verdict.kind === 'map') return [...verdict.cases.values()].flatMap(targetsOf)
  return []
}

function readBlock(cursor: Cursor, table: { sets: Map<string, readonly string[]>; chains: Map<string, Chain> }): void {
  for (cursor.skipEnds(); !cursor.takes('}'); cursor.skipEnds()) {
    const what = cursor.take()
    const name = cursor.take()
    cursor.expect('{')
    if (what === 'set') once(table.sets, 'sets', name, readSet(cursor))
    else if (what === 'chain') once(table.chains, 'chains', name, readChain(cursor, name))
    else throw new Error(`nft: unknown in a table: ${what}`)
  }
}

function readSet(cursor: Cursor): readonly string[] {
  let elements: readonly string[] = []
  for (cursor.skipEnds(); !cursor.takes('}'); cursor.skipEnds()) {
    const what = cursor.take()
    if (what === 'type' || what === 'flags') cursor.take()
    else if (what === 'elements') {
      cursor.expect('=', '{')
      elements = readList(cursor)
    } else if (what !== 'auto-merge') throw new Error(`nft: unknown in a set: ${what}`)
  }
  return elements
}

function readChain(cursor: Cursor, name: string): Chain {
  let hook: Hook | undefined
  let policy: 'accept' | 'drop' = 'accept'
  const rules: Rule[] = []
  for (cursor.skipEnds(); !cursor.takes('}'); cursor.skipEnds()) {
    if (cursor.takes('type')) hook = readHook(cursor)
    else if (cursor.takes('policy')) policy = cursor.take() === 'drop' ? 'drop' : 'accept'
    else rules.push(readRule(cursor))
  }
  return { name, hook, policy, rules }
}

function readHook(cursor: Cursor): Hook {
  const kind = cursor.take()
  cursor.expect('hook')
  const point = cursor.take()
  cursor.expect('priority')
  const priority = cursor.take()
  if (kind !== 'filter' && kind !== 'nat' && kind !== 'route') throw new Error(`nft: unknown type of chain: ${kind}`)
  if (!isHookPoint(point)) throw new Error(`nft: unknown hook: ${point}`)
  const number = PRIORITIES[priority] ?? Number(priority)
  if (!Number.isInteger(number)) throw new Error(`nft: unknown priority: ${priority}`)
  return { point, kind, priority: number }
}

function isHookPoint(word: string): word is HookPoint {
  return ['prerouting', 'input', 'forward', 'output', 'postrouting'].includes(word)
}

/**
 * Whether a pattern for AS paths can be handed to FRR: of the alphabet that the contract names, and a POSIX extended regular
 * expression that every library reads alike. bgpd drops a line with one it cannot compile, and a policy without its condition
 * would match everything.
 */
export function isAsPathRegex(text: string): boolean {
  if (text.length === 0 || text.length > 128) return false
  const end = alternatives(text, 0)
  return end === text.length
}

/** Where the alternatives that begin here end: at a `)` or at the end; undefined where they are none. */
function alternatives(text: string, start: number): number | undefined {
  let at: number | undefined = branch(text, start)
  while (at !== undefined && text[at] === '|') at = branch(text, at + 1)
  return at
}

/** One or more pieces, each an atom that is perhaps repeated once: `**` and an empty alternative mean different things to different libraries. */
function branch(text: string, start: number): number | undefined {
  let at = start
  while (at < text.length && text[at] !== '|' && text[at] !== ')') {
    const anchor = text[at] === '^' || text[at] === '$'
    const end = atom(text, at)
    if (end === undefined) return undefined
    at = end
    if (REPEATS.includes(text[at] ?? '-')) {
      if (anchor) return undefined
      at++
    }
  }
  return at > start ? at : undefined
}

const REPEATS = '*+?'

function atom(text: string, at: number): number | undefined {
  const first = text[at] ?? ''
  if (/[0-9_^$.]/.test(first)) return at + 1
  if (first === '[') return bracket(text, at)
  if (first !== '(') return undefined
  const end = alternatives(text, at + 1)
  return end !== undefined && text[end] === ')' ? end + 1 : undefined
}

/** `[0-9]`, `[^13]`: digits and rising ranges of digits. */
function bracket(text: string, at: number): number | undefined {
  const [whole = '', items = ''] = /^\[\^?((?:[0-9](?:-[0-9])?)+)\]/.exec(text.slice(at)) ?? []
  const rising = [...items.matchAll(/([0-9])-([0-9])/g)].every(([, from = '', to = '']) => from <= to)
  return whole !== '' && rising ? at + whole.length : undefined
}

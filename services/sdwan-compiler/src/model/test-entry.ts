import type { Protocol } from './converse.ts'

/** One line of a test: who, and what of him. */
export type TestEntry = {
  readonly dst: { readonly kind: 'tag' | 'place'; readonly text: string }
  readonly protocol: Protocol
  readonly port: number
}

const FORM =
  /^(?:\[(?<address>[0-9a-fA-F:.]+)\]|(?<name>.+)):(?:(?<ports>tcp|udp)\/(?<port>[0-9]{1,5})|(?<plain>icmp6))$/

/** `db-1:tcp/5432`, `tag:web:udp/53`, `[fd00::7]:icmp6`. Undefined for anything else. */
export function testEntryOf(text: string): TestEntry | undefined {
  const { address, name, ports, port } = FORM.exec(text)?.groups ?? {}
  const whom = address ?? name
  if (whom === undefined) return undefined
  const number = Number(port ?? 0)
  if (ports !== undefined && (number < 1 || number > 65_535)) return undefined
  return { dst: whomOf(whom), protocol: ports === 'tcp' || ports === 'udp' ? ports : 'icmp6', port: number }
}

/** `tag:<tag>` is everybody who bears it; anything else is one place. */
export function whomOf(text: string): TestEntry['dst'] {
  return text.startsWith('tag:') ? { kind: 'tag', text: text.slice(4) } : { kind: 'place', text }
}

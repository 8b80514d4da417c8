import type { Ip } from './address.ts'
import type { Model } from './model.ts'
import type { Place } from './place.ts'
import { walk } from './walk.ts'
import type { Asked, Rest, Start, Way } from './way.ts'

export type Protocol = 'tcp' | 'udp' | 'icmp6'

/** A question and its answer: the way there, and the way back that a conversation needs. */
export type Conversation = { readonly there: Way; readonly back: Way | undefined; readonly works: boolean }

/** Above every port that anybody listens on: what callers are given. */
const CALLER_PORT = 60_999

/**
 * Whether a conversation can take place. The answer goes its own way, back through whatever routes say; nodes that saw the
 * question know it, those that did not take it for something new, or for nonsense.
 */
export function converse(
  model: Model,
  src: Place,
  dst: Ip,
  service: { protocol: Protocol; port: number },
): Conversation {
  const start = src.start
  if (!start) return { there: nowhere('nothing of ours sends from there'), back: undefined, works: false }
  const asked = askedOf(src.ip, dst, service)
  const there = walk(model, start, asked)
  const at = there.at
  if (!at) return { there, back: undefined, works: false }
  if (at.kind === 'node' && at.node === start.node && at.vrf === start.vrf)
    return { there, back: undefined, works: true }
  const back = walk(model, startOf(at), answerTo(at.packet), there)
  return { there, back, works: isHome(start, back, asked) }
}

function askedOf(src: Ip, dst: Ip, { protocol, port }: { protocol: Protocol; port: number }): Asked {
  if (protocol !== 'icmp6') return { src, dst, protocol, sport: CALLER_PORT, dport: port, icmp: '' }
  return { src, dst, protocol: src.family === 6 ? 'icmpv6' : 'icmp', sport: 0, dport: 0, icmp: 'echo-request' }
}

function answerTo({ src, dst, sport, dport, icmp, protocol }: Asked): Asked {
  return { src: dst, dst: src, protocol, sport: dport, dport: sport, icmp: icmp === '' ? '' : 'echo-reply' }
}

function startOf({ kind, node, interface: its, vrf }: Rest): Start {
  if (kind === 'peer') return { node, vrf, from: its }
  return { node, vrf, from: kind === 'lan' ? 'lan' : undefined }
}

/** Whether the answer comes back to who asked, from the address that was asked. */
function isHome(start: Start, { at }: Way, asked: Asked): boolean {
  if (!at || at.packet.src.hex !== asked.dst.hex || at.packet.dst.hex !== asked.src.hex) return false
  if (start.from !== undefined && start.from !== 'lan') return at.kind === 'peer'
  return at.node === start.node && at.kind === (start.from === 'lan' ? 'lan' : 'node')
}

function nowhere(end: string): Way {
  return { steps: [], end, at: undefined, translations: new Map(), zones: new Map() }
}

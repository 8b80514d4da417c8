import { type Ip, holds, mustIp, mustNet } from '../address.ts'
import { type Frame, type LogicalSwitch, type SwitchAcl, type SwitchPort } from './switch.ts'

export type SwitchAnswer = {
  readonly passes: boolean
  /** The ACL that decided at each end; none: nothing spoke of it, and what nothing speaks of passes. */
  readonly decided: readonly { readonly direction: string; readonly acl: SwitchAcl | undefined }[]
  readonly reason: string
}

export type SwitchQuestion = {
  readonly inport: string
  readonly outport: string
  /** Undefined: the first address of the port in the family of dst. */
  readonly src?: Ip
  readonly dst: Ip
  readonly kind: Frame['kind']
  readonly dport: number
}

/**
 * Whether a frame that begins a conversation gets from one port of a switch to another. A peer that cannot be found by ARP or
 * neighbor discovery cannot be spoken to, so for what is no discovery itself that is asked too, both ways.
 */
export function explainSwitch(its: LogicalSwitch, asked: SwitchQuestion): SwitchAnswer {
  const began = frameOf(its, asked)
  if ('refused' in began) return refused(began.refused)
  const { from, to, frame } = began
  const { src } = frame
  const answer = cross(its, began)
  if (!answer.passes || isDiscovery(frame.kind)) return answer
  for (const [one, other, ip] of [
    [from, to, src],
    [to, from, asked.dst],
  ] as const) {
    const found = cross(its, { from: one, to: other, frame: discoveryOf(one, other, ip) })
    if (!found.passes) return { ...answer, passes: false, reason: `neighbor discovery fails: ${found.reason}` }
  }
  if (its.acls.some(({ action }) => action === 'allow-related')) return answer
  const back: Frame = { ...frame, inport: to.name, outport: from.name, src: frame.dst, dst: src, dport: 0 }
  const reply = cross(its, { from: to, to: from, frame: back })
  return reply.passes ? answer : { ...answer, passes: false, reason: `the answer fails: ${reply.reason}` }
}

/** Whether the first frame alone gets through, found or not. */
export function explainFrame(its: LogicalSwitch, asked: SwitchQuestion): SwitchAnswer {
  const began = frameOf(its, asked)
  return 'refused' in began ? refused(began.refused) : cross(its, began)
}

type Began = { readonly from: SwitchPort; readonly to: SwitchPort; readonly frame: Frame }

function frameOf(its: LogicalSwitch, asked: SwitchQuestion): Began | { readonly refused: string } {
  const [from, to] = [its.ports.get(asked.inport), its.ports.get(asked.outport)]
  if (!from || !to) return { refused: 'one of the ports is not there' }
  const src = asked.src ?? from.addresses.map(mustIp).find((ip) => ip.family === asked.dst.family)
  if (!src) return { refused: `${from.name} has no address of that family` }
  return { from, to, frame: { ...asked, mac: from.mac, src } }
}

function cross(its: LogicalSwitch, { from, to, frame }: Began): SwitchAnswer {
  if (!maySpeakAs(from, frame)) return refused(`${from.name} may not speak as this address`)
  const decided: { direction: string; acl: SwitchAcl | undefined }[] = []
  for (const direction of ['from-lport', 'to-lport']) {
    const matching = its.acls.filter((acl) => acl.direction === direction && acl.test(frame))
    const acl = matching.toSorted((one, other) => other.priority - one.priority)[0]
    decided.push({ direction, acl })
    if (acl && (acl.action === 'drop' || acl.action === 'reject')) {
      return { passes: false, decided, reason: `the ACL ${acl.name} (${direction} ${acl.priority}) says ${acl.action}` }
    }
  }
  return { passes: true, decided, reason: `it reaches ${to.name}` }
}

const LINK_LOCAL = mustNet('fe80::/10')

/** Port security: what a port may say it is. Discovery of IPv6 also comes from link-local addresses. */
function maySpeakAs(port: SwitchPort, { mac, src, kind }: Frame): boolean {
  const [own, ...addresses] = port.security
  if (own === undefined) return true
  if (own !== mac) return false
  const named = addresses.length === 0 || addresses.map(mustIp).some((ip) => ip.hex === src.hex)
  return named || (isDiscovery(kind) && holds(LINK_LOCAL, src))
}

function isDiscovery(kind: Frame['kind']): boolean {
  return kind === 'arp' || kind === 'nd' || kind === 'router discovery'
}

/** Asked from the port's own address in IPv4 and, as hosts may, from its link-local one in IPv6. */
function discoveryOf(from: SwitchPort, to: SwitchPort, ip: Ip): Frame {
  const src = ip.family === 4 ? ip : mustIp('fe80::1')
  return {
    inport: from.name,
    outport: to.name,
    mac: from.mac,
    src,
    dst: ip,
    kind: ip.family === 4 ? 'arp' : 'nd',
    dport: 0,
  }
}

function refused(reason: string): SwitchAnswer {
  return { passes: false, decided: [], reason }
}

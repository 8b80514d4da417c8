import type { OvnAcl, OvnPort, OvnSwitch } from '../../world.ts'
import { holds, mustIp, mustNet } from '../address.ts'
import type { Frame } from '../ovn/switch.ts'

type Asked = { readonly from: OvnPort; readonly to: OvnPort; readonly kind: Frame['kind']; readonly dport: number }

/**
 * Whether a conversation may take place on a switch, from the typed matches alone: at each end the highest priority decides, what none
 * speaks of passes, and neighbor discovery always does. Answers follow what was let through.
 */
export function mayCross(its: OvnSwitch, asked: Asked): boolean {
  if (asked.kind === 'arp' || asked.kind === 'nd') return true
  if (!passes(its, asked)) return false
  const follows = its.acls.some(({ action }) => action === 'allow-related')
  return follows || passes(its, { ...asked, from: asked.to, to: asked.from, dport: 0 })
}

function passes(its: OvnSwitch, asked: Asked): boolean {
  return (['from-lport', 'to-lport'] as const).every((direction) => {
    const acls = its.acls.filter((acl) => acl.direction === direction && speaksOf(acl, asked))
    const [first] = acls.toSorted((one, other) => other.priority - one.priority)
    return first === undefined || first.action === 'allow' || first.action === 'allow-related'
  })
}

/** Asked in IPv6. */
function speaksOf({ match, direction }: OvnAcl, { from, to, kind, dport }: Asked): boolean {
  const [src, dst] = [from, to].map(({ addresses }) => addresses.find((each) => each.includes(':')) ?? '::')
  if (match.family === 'ip4') return false
  if (match.protocol !== 'any' && match.protocol !== kind) return false
  if (match.dstPorts && (dport < match.dstPorts.from || dport > match.dstPorts.to)) return false
  const at = direction === 'from-lport' ? from : to
  if (match.portId !== undefined && match.portId !== at.id) return false
  return lies(match.src, src ?? '::') && lies(match.dst, dst ?? '::')
}

function lies(side: OvnAcl['match']['src'], address: string): boolean {
  if (!side) return true
  const net = mustNet(side.cidr)
  return net.family === 6 && holds(net, mustIp(address)) !== side.not
}

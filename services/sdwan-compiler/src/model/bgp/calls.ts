import { mustIp } from '../address.ts'
import { converse } from '../converse.ts'
import type { Model } from '../model.ts'
import type { Neighbor } from './frr-config.ts'
import type { Speaker } from './speaker.ts'

const BGP_PORT = 179

type Call = { readonly ours: Speaker; readonly theirs: Speaker; readonly to: Neighbor; readonly back: Neighbor }

/** Whether two speakers get through to each other, by what routes they have without BGP and past every firewall between. */
export function callsThrough(model: Model, { ours, theirs, to, back }: Call): boolean {
  return (
    gets(model, ours, { from: back.address, to: to.address }) ||
    gets(model, theirs, { from: to.address, to: back.address })
  )
}

function gets(model: Model, speaker: Speaker, { from, to }: { from: string; to: string }): boolean {
  const start = { node: speaker.node, vrf: speaker.router.vrf, from: undefined }
  const place = { name: from, ip: mustIp(from), start, member: undefined, port: undefined }
  return converse(model, place, mustIp(to), { protocol: 'tcp', port: BGP_PORT }).works
}

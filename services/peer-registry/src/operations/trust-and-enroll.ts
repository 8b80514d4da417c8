import type { Tx } from '@powernode/postgres'
import type { Acceptance } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import type { By } from '../events.ts'
import type { Peer } from '../peer.ts'
import type { Us } from '../platform.ts'
import { envelopeBytes, type Proven } from '../statements.ts'
import * as peers from '../store/peers.ts'
import * as platform from '../store/platform.ts'
import type { Tables } from '../store/tables.ts'
import { checkBundle } from '../trust.ts'
import { enrollIfDisclosed } from './enroll-if-disclosed.ts'
import { signForPeer } from './sign-peer-certificate.ts'

/** Takes their CA or signs for them, one of both, and enrolls the peer if nothing is missing. */
export async function trustAndEnroll(
  tx: Tx<Tables>,
  now: Date,
  { us, by, peer, acceptance }: { us: Us; by: By; peer: Peer; acceptance: Proven<Acceptance> },
): Promise<{ enrolled: Peer; chain: readonly Buffer[] }> {
  const { trust } = acceptance.said
  if (peer.kind === 'sdwan_only') return { enrolled: peer, chain: [] }
  if (trust.case === undefined)
    throw new Refusal(
      'TRUST_MATERIAL_MISSING',
      'the acceptance carries neither a trust bundle nor a certificate request',
      {
        next: 'send a trust bundle (symmetric trust) or a certificate request (hierarchical trust)',
      },
    )
  const { trusted, chain } =
    trust.case === 'csrDer'
      ? await signed(tx, now, { us, by, peer, csrDer: trust.value })
      : { trusted: withBundle(peer, acceptance, now), chain: [] }
  const saved = await peers.save(tx, peer, trusted)
  return { enrolled: await enrollIfDisclosed(tx, now, by, saved), chain }
}

function withBundle(peer: Peer, { said, by }: Proven<Acceptance>, now: Date): Peer {
  const envelope = said.trust.case === 'trustBundle' ? said.trust.value : undefined
  const bundle = checkBundle(envelope, by, now)
  return {
    ...peer,
    trustMode: 'symmetric',
    trustBundle: envelope ? envelopeBytes(envelope) : null,
    trustBundleSequence: Number(bundle.sequence),
  }
}

/** Hierarchical: the only roots that vouch for the peer are ours. */
async function signed(
  tx: Tx<Tables>,
  now: Date,
  { us, by, peer, csrDer }: { us: Us; by: By; peer: Peer; csrDer: Uint8Array },
): Promise<{ trusted: Peer; chain: readonly Buffer[] }> {
  const chain = await signForPeer(tx, now, { us, by, peer, csrDer })
  const { bundle } = await platform.read(tx)
  return { trusted: { ...peer, trustMode: 'hierarchical', trustBundle: bundle }, chain }
}

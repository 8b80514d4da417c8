import { createPublicKey, createPrivateKey } from 'node:crypto'
import { toBinary } from '@bufbuild/protobuf'
import type { Tx } from '@powernode/postgres'
import { EnrollmentSchema, type Enrollment } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import type { Agreement, AcceptResponse } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { commonVersion, type Agreed } from '../contract.ts'
import { peerMoved, type By } from '../events.ts'
import type { Errand } from '../errand.ts'
import type { Parentage } from '../parentage.ts'
import { agreeTimers, move, type Peer, type SpawnMode, type SpawnRole } from '../peer.ts'
import type { Us } from '../platform.ts'
import { SEALED } from '../secrets.ts'
import { envelopeBytes, envelopeFrom, openAcceptance, openAgreement, type Proven } from '../statements.ts'
import * as errands from '../store/errands.ts'
import * as parentages from '../store/parentages.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { checkBundle, checkChain } from '../trust.ts'
import { descriptionFromWire, timersFromWire, windowFromWire } from '../wire-description.ts'
import { SPAWN_MODES } from '../wire-words.ts'
import { nameFor } from './name-peer.ts'
import { enrollIfDisclosed } from './enroll-if-disclosed.ts'
import { standByVersion } from './stand-by-version.ts'

/**
 * The other side has redeemed our acceptance: what it signed is checked, kept, and the peering is accepted here too.
 *
 * The token is forgotten in the same transaction, and what a parent handed over is kept. Said twice, the second time changes nothing.
 * Heard by liveness (first beat), grant-authz and audit-ledger.
 */
export async function storeAgreement(
  tx: Tx<Tables>,
  now: Date,
  { us, by, errand, answer }: { us: Us; by: By; errand: Errand; answer: AcceptResponse },
): Promise<Peer> {
  const proposed = await peers.lock(tx, errand.peerId)
  if (proposed.state !== 'proposed') return proposed
  const agreement = openAgreement(
    answer.agreement ?? envelopeFrom(new Uint8Array(0)),
    proposed.identityKey ?? undefined,
  )
  const agreed = checkOurs(us, proposed, errand, agreement)
  const parentage = await parentages.lock(tx, proposed.id)
  if (parentage) checkParentage(parentage, agreement.said)
  const named = { ...proposed, name: await nameFor(tx, proposed, agreement.by) }
  const trusted = withTrust(us, withAgreement(us, named, agreement, { agreed, parentage }), agreement.said, now)
  const stood = await standByVersion(tx, now, trusted)
  const accepted = await peers.save(tx, proposed, move(stood, 'accept', 'they accepted our redemption', now))
  await peerMoved(tx, by, { before: proposed, after: accepted, move: 'accept' })
  await errands.remove(tx, proposed.id, 'redeem')
  const childhood = parentage ?? childhoodOf(accepted, errand, now)
  if (childhood && answer.enrollment) await keepEnrollment(tx, us, childhood, answer.enrollment)
  return enrollIfDisclosed(tx, now, by, accepted)
}

/** It must answer what we said, to us, inside our contract window; what is agreed is what both windows say, not what it says. */
function checkOurs(us: Us, proposed: Peer, errand: Errand, { said, by }: Proven<Agreement>): Agreed {
  const acceptance = openAcceptance(envelopeFrom(errand.statement ?? Buffer.alloc(0)))
  const theirs = windowFromWire(by.contractWindow)
  const agreed = theirs && commonVersion(us.self.window, theirs)
  const problem =
    said.remotePeerId !== proposed.id || !acceptance.digest.equals(said.acceptanceSha256)
      ? 'it answers another acceptance'
      : !isPeerId(said.peerId)
        ? 'it gives this peering no id'
        : by.platformId === us.platformId || by.trustDomain === us.trustDomain
          ? 'it speaks in our own name'
          : proposed.trustDomain && proposed.trustDomain !== by.trustDomain
            ? `it speaks for the trust domain ${by.trustDomain}, the invitation for ${proposed.trustDomain}`
            : agreed?.version !== said.contractVersion
              ? `it settles on contract version ${said.contractVersion}`
              : undefined
  if (problem || !agreed)
    throw new Refusal('ACCEPTANCE_INVALID', `the other side's agreement is refused: ${problem ?? 'no common version'}`)
  return agreed
}

/** Their id of the peering goes into names and rows of ours, so it has to be an id. */
const isPeerId = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)

type Settled = { readonly agreed: Agreed; readonly parentage: Parentage | undefined }

// oxlint-disable-next-line max-params -- we, the peer, what they signed, and what follows from it
function withAgreement(us: Us, proposed: Peer, { said, by }: Proven<Agreement>, { agreed, parentage }: Settled): Peer {
  return {
    ...proposed,
    ...descriptionFromWire(by),
    platformId: by.platformId,
    identityKey: Buffer.from(by.identityKey),
    trustDomain: by.trustDomain,
    remotePeerId: said.peerId,
    contractVersion: agreed.version,
    contractWindow: windowFromWire(by.contractWindow) ?? null,
    features: agreed.features,
    timers: agreeTimers(us.self.timers, timersFromWire(said.timers)),
    ...(parentage ? ({ spawnRole: 'child', spawnMode: parentage.spawnMode } as const) : kinship(proposed, said)),
  }
}

/**
 * What we are to each other, as far as our operator agreed to it. Kinship comes with rights (a parent operates its
 * child), so nobody becomes our parent by saying so: only whom our operator lets sign for us. Nobody becomes our child.
 */
function kinship(
  { trustMode }: Peer,
  { spawnRole, spawnMode }: Agreement,
): { spawnRole: SpawnRole; spawnMode: SpawnMode } {
  if (trustMode === 'hierarchical' && spawnRole === 'parent')
    return { spawnRole: 'child', spawnMode: isSpawnMode(spawnMode) ? spawnMode : 'out_of_band' }
  const equal = isSpawnMode(spawnMode) && spawnMode !== 'managed_child'
  return { spawnRole: 'symmetric', spawnMode: equal ? spawnMode : 'out_of_band' }
}

const isSpawnMode = (word: string): word is SpawnMode => Object.hasOwn(SPAWN_MODES, word)

/** Whoever made our machine told it whose child it is, and how: another parent, or another kind of child, is refused. */
function checkParentage({ parentPeerId, spawnMode }: Parentage, said: Agreement): void {
  const problem =
    said.peerId !== parentPeerId
      ? `it calls this peering ${said.peerId}, our boot payload ${parentPeerId}`
      : said.spawnRole !== 'parent' || said.spawnMode !== spawnMode
        ? `it makes us ${said.spawnMode} of a ${said.spawnRole}, our boot payload ${spawnMode} of a parent`
        : undefined
  if (problem) throw new Refusal('ACCEPTANCE_INVALID', `the parent's agreement is refused: ${problem}`)
}

/** Our operator took up the invitation by hand: no boot payload said before whose child we become. */
const childhoodOf = (
  { id: peerId, remotePeerId, spawnRole, spawnMode }: Peer,
  { tokenDigest }: Errand,
  createdAt: Date,
): Parentage | undefined =>
  spawnRole === 'child' && spawnMode !== 'out_of_band' && remotePeerId && tokenDigest
    ? {
        peerId,
        parentPeerId: remotePeerId,
        spawnMode,
        tokenDigest,
        ...NOTHING_REFUSED,
        enrollmentSealed: null,
        createdAt,
        doneAt: null,
      }
    : undefined

const NOTHING_REFUSED = { refusedReason: '', refusedMessage: '' } as const

/** What the parent handed over holds secrets: it rests sealed until node-agent has carried it out. */
async function keepEnrollment(tx: Tx<Tables>, us: Us, parentage: Parentage, handed: Enrollment): Promise<void> {
  const sealed = us.sealing.seal(Buffer.from(toBinary(EnrollmentSchema, handed)), SEALED.enrollment(parentage.peerId))
  await parentages.put(tx, { ...parentage, enrollmentSealed: sealed })
}

/** Their bundle, and under hierarchical trust the certificate they signed for the key we kept. */
function withTrust(us: Us, peer: Peer, said: Agreement, now: Date): Peer {
  const { identityKey, platformId, trustDomain } = peer
  if (!identityKey || !platformId || !trustDomain)
    throw new Error(`peer ${peer.id} has no identity to check a bundle with`)
  const bundle = checkBundle(said.trustBundle, { identityKey, platformId, trustDomain }, now)
  const trusted: Peer = {
    ...peer,
    caPin: null,
    trustBundle: said.trustBundle ? envelopeBytes(said.trustBundle) : null,
    trustBundleSequence: Number(bundle.sequence),
  }
  return peer.trustMode === 'hierarchical'
    ? withCertificate(us, trusted, { chain: said.certificateChain, keySealed: peer.certificateKeySealed, now })
    : trusted
}

/** Keeps a certificate they signed for us, provided it is for our key and names us as they know us. */
export function withCertificate(
  us: Us,
  peer: Peer,
  { chain, keySealed, now }: { chain: readonly Uint8Array[]; keySealed: Buffer | null; now: Date },
): Peer {
  if (chain.length === 0 || !keySealed)
    throw new Refusal('TRUST_MATERIAL_MISSING', 'the other side signed no certificate for our request')
  const leaf = checkChain(peer, chain, now)
  const key = createPrivateKey({
    key: us.sealing.open(keySealed, SEALED.peerCertificateKey(peer.id)),
    format: 'der',
    type: 'pkcs8',
  })
  if (!createPublicKey(key).equals(leaf.publicKey))
    throw new Refusal('CSR_INVALID', 'the certificate they signed is for another key')
  return {
    ...peer,
    certificateKeySealed: keySealed,
    certificateChain: chain.map((der) => Buffer.from(der).toString('base64')),
    certificateExpiresAt: leaf.validToDate,
  }
}

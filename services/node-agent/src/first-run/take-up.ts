import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { tlsContentOf, writeTlsFiles } from '@powernode/identity'
import type { Payload } from '@powernode/payload'
import type { ApprovalService } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import type { Enrollment } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import type { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import type { Replica } from '../replica.ts'
import { askCertificate } from './ask-certificate.ts'
import { holdsCertificate } from './held-certificate.ts'
import { finalNo, Patience, reasonOf, whyNot } from './patience.ts'
import type { Progress } from './progress.ts'
import { syncFolder } from './write-durably.ts'

export type TakeUpDeps = {
  readonly registry: Pick<Client<typeof PeerRegistryService>, 'takeEnrollment'>
  readonly federation: Pick<Client<typeof FederationService>, 'enrollNode'>
  readonly grants: Pick<Client<typeof GrantAuthzService>, 'reviewPeer'>
  readonly approvals: Pick<Client<typeof ApprovalService>, 'cascadePolicies'>
  readonly replica: Replica
  readonly progress: Progress
  readonly clock: Clock
  readonly stateDir: string
}

/** What came of what the parent handed over. */
export type TakenUp = {
  readonly nodeCertificate: boolean
  readonly inheritedPolicies: number
  readonly clusterMember: boolean
  /** What could not be done, whoever could not. The peering stands all the same. */
  readonly warnings: readonly string[]
}

type Whose = { readonly peerId: string; readonly payload: Payload }

/**
 * Carries out what the parent handed over with the accept. Each part may be done again after a crash in its midst.
 *
 * What cannot be reached is waited for, and progress says for what; what is refused for good becomes a warning, because
 * the two platforms are federated without it.
 */
export async function takeUp(deps: TakeUpDeps, whose: Whose, signal: AbortSignal): Promise<TakenUp> {
  const { progress, clock } = deps
  const warnings: string[] = []
  const patiently = async <T>(what: string, work: () => Promise<T>): Promise<T | undefined> => {
    const patience = new Patience(clock)
    for (;;) {
      signal.throwIfAborted()
      try {
        return await work()
      } catch (error) {
        signal.throwIfAborted()
        const no = finalNo(error)
        if (no) {
          warnings.push(`${what}: ${reasonOf(no)}: ${no.message}`)
          return undefined
        }
        progress.say(`${what} (attempt ${patience.attempts + 1}): ${whyNot(error)}`)
        await patience.wait(signal, error)
      }
    }
  }

  const answer = await patiently('asks its own platform what the parent handed over', () =>
    deps.registry.takeEnrollment({ peerId: whose.peerId }),
  )
  const enrollment = answer?.enrollment
  if (!enrollment) return { nodeCertificate: false, inheritedPolicies: 0, clusterMember: false, warnings }
  warnings.push(...enrollment.warnings)
  const certified = await patiently('the certificate of this node', () => certify(deps, whose, enrollment, signal))
  const inherited = await patiently("the policies of the parent's platform", () =>
    cascade(deps, whose, enrollment, signal),
  )
  const member = await patiently('the membership of the cluster', () => joinCluster(deps, whose, enrollment))
  return {
    nodeCertificate: certified ?? false,
    inheritedPolicies: inherited ?? 0,
    clusterMember: member ?? false,
    warnings,
  }
}

/** The node's own certificate of the parent, in `<state>/instance`. Its request is forgotten when it is there to stay. */
async function certify(
  { federation, stateDir, clock }: TakeUpDeps,
  { peerId, payload: { ca_pin: caPin } }: Whose,
  { nodeEnrollment: enrollment }: Enrollment,
  signal: AbortSignal,
): Promise<boolean> {
  if (!enrollment) return false
  const dir = join(stateDir, 'instance')
  const request = join(stateDir, 'instance-request')
  if (!holdsCertificate(dir, { subject: enrollment.intendedSubject, caPin, now: clock.now() })) {
    const asked = { federation, peerId, enrollment, caPin, dir: request, signal }
    const { chain, privateKeyPkcs8Der } = await askCertificate(asked)
    writeTlsFiles(dir, tlsContentOf({ chain, privateKeyPkcs8Der, roots: chain.slice(-1) }))
    await syncFolder(stateDir)
  }
  await rm(request, { recursive: true, force: true })
  return true
}

/** A machine that is emulated is twenty times as slow as others. Nobody waits for this, so it may take its time. */
const SLOW_MACHINE_MS = 60_000

/** grant-authz looks at the parent first: it knows what the two are to each other from then on, and not before. */
async function cascade(
  { grants, approvals }: TakeUpDeps,
  { peerId }: Whose,
  { policyCascade }: Enrollment,
  signal: AbortSignal,
): Promise<number> {
  if (!policyCascade) return 0
  await grants.reviewPeer({ peerId }, { signal, timeoutMs: SLOW_MACHINE_MS })
  const { policies } = await approvals.cascadePolicies(
    { peerId, cascade: policyCascade },
    { signal, timeoutMs: SLOW_MACHINE_MS },
  )
  return policies.length
}

async function joinCluster(
  { replica }: TakeUpDeps,
  { peerId }: Whose,
  { clusterMembership }: Enrollment,
): Promise<boolean> {
  if (!clusterMembership) return false
  await replica.take({ peerId, membership: clusterMembership })
  return true
}

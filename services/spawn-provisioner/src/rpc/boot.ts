import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { Client, HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { CsrInvalid, readCsr } from '@powernode/identity'
import type { ApprovalService } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { CertificateKind } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import {
  EnrollmentSchema,
  NodeEnrollmentSchema,
  PolicyCascadeSchema,
  type ClusterMembership,
} from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import type { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { hash } from 'node:crypto'
import { rateLimit, Refusal, within } from '@powernode/rpc'
import { digestOf } from '../bootstrap-token.ts'
import type { Child } from '../child.ts'
import { mintBootstrapToken, noteClone, receiveRedeemer, type Minted } from '../operations/enroll.ts'
import { reasonOf } from '../saga/failure.ts'
import { memberOf } from '../saga/steps/prepare-replica.ts'
import * as tokens from '../store/bootstrap-tokens.ts'
import * as children from '../store/children.ts'
import { act, type RpcDeps } from './door.ts'
import { RENEWALS, renewNode } from './renew-node.ts'

export type ListPolicies = Pick<Client<typeof ApprovalService>, 'listPolicies'>

type Handlers = Pick<ServiceImpl<typeof SpawnService>, 'prepareEnrollment' | 'reportClone' | 'enrollNode'>

/** What peer-registry and the gateway ask when a child speaks. */
// oxlint-disable-next-line max-params -- what a test may say
export const bootHandlers = (deps: RpcDeps, renewals = rateLimit(RENEWALS.points, RENEWALS.seconds)): Handlers => ({
  async prepareEnrollment({ peerId, platformId }, context) {
    const child = await act(deps, (tx, now) => receiveRedeemer(tx, now, { peerId, platformId }))
    return { enrollment: await ENROLLMENTS[child.spawnMode](deps, child, context) }
  },

  reportClone: ({ peerId, identityFingerprint, sourceAddress }) =>
    act(deps, async (tx, now) => {
      await noteClone(tx, now, { peerId, identityFingerprint: Buffer.from(identityFingerprint, 'hex'), sourceAddress })
      return {}
    }),

  async enrollNode({ peerId, bootstrapToken, csrDer, renewal }, context) {
    if (renewal) return renewNode({ ...deps, renewals }, { peerId, csrDer, renewal }, context)
    // What was consumed stays consumed if the CA cannot answer now: the same key again is the same node.
    const said = { digest: digestOf(bootstrapToken), by: await keyIn(csrDer) }
    const { child, spent } = await act(deps, async (tx, now) => {
      const of = await children.findByPeer(tx, peerId)
      return { child: of, spent: of && (await tokens.consume(tx, now, { ...said, childId: of.id })) }
    })
    if (!child || !spent || child.ending !== null)
      throw new Refusal('BOOTSTRAP_TOKEN_INVALID', 'the bootstrap token is unknown, used, over, or of another child')
    const intendedSubject = spent.subject
    if (spent.chain) return { certificateChain: bytesOf(spent.chain), intendedSubject }
    const { chain } = await deps.authority.issueCertificate(
      {
        kind: CertificateKind.INSTANCE,
        name: child.instanceId,
        csrDer,
        peerId,
        ...(spent.purpose === 'replica' && { commonName: spent.subject }),
      },
      within(context),
    )
    const kept = await act(deps, (tx) => tokens.keepAnswer(tx, said.digest, chain))
    return { certificateChain: bytesOf(kept), intendedSubject }
  },
})

const bytesOf = (chain: readonly Buffer[]) => chain.map((der) => Uint8Array.from(der))

/** Whose request it is: two requests of one key differ, since each is signed anew. */
async function keyIn(csrDer: Uint8Array): Promise<Buffer> {
  try {
    return hash('sha256', (await readCsr(csrDer)).spki, 'buffer')
  } catch (error) {
    if (error instanceof CsrInvalid) throw new Refusal('CSR_INVALID', error.message)
    throw error
  }
}

type Enroll = (deps: RpcDeps, child: Child, context: HandlerContext) => Promise<ReturnType<typeof handed>>
type Handed = Parameters<typeof create<typeof EnrollmentSchema>>[1]

const handed = (what: NonNullable<Handed>) => create(EnrollmentSchema, what)

/** What each mode is handed (facts.md section 4). */
const ENROLLMENTS: Readonly<Record<Child['spawnMode'], Enroll>> = {
  async managed_child(deps, child, context) {
    const said = { childId: child.id, purpose: 'node', subject: child.instanceId } as const
    const minted = await act(deps, (tx, now) => mintBootstrapToken(tx, now, said))
    const { cascade, warnings } = await cascadeOf(deps, context)
    const nodeEnrollment = nodeEnrollmentOf(child, minted, child.instanceId)
    return handed({ nodeEnrollment, warnings, ...(cascade && { policyCascade: cascade }) })
  },

  autonomous_peer: async () => handed({}),

  async cluster_member(deps, child, { signal }) {
    const clusterMembership = await membershipOf(deps, child, signal)
    const said = { childId: child.id, purpose: 'replica', subject: clusterMembership.roleName } as const
    const minted = await act(deps, (tx, now) => mintBootstrapToken(tx, now, said))
    clusterMembership.replicaEnrollment = nodeEnrollmentOf(child, minted, clusterMembership.roleName)
    return handed({ clusterMembership })
  },
}

export const nodeEnrollmentOf = (child: Child, { token, expiresAt }: Minted, intendedSubject: string) =>
  create(NodeEnrollmentSchema, {
    bootstrapToken: token,
    platformUrl: child.parentUrl,
    intendedSubject,
    expiresAt: timestampFromDate(expiresAt),
  })

/** Without its membership a cluster_member has nothing to do: it asks again. */
async function membershipOf(deps: RpcDeps, child: Child, signal: AbortSignal): Promise<ClusterMembership> {
  try {
    return await deps.replication.membership(memberOf({ child }), signal)
  } catch (error) {
    deps.logger.warn({ child_id: child.id, error }, 'a membership could not be prepared')
    throw new Refusal(
      'ENROLLMENT_PENDING',
      `the membership of ${child.hostname} cannot be prepared yet: ${reasonOf(error)}`,
    )
  }
}

/** A child that does not get our policies keeps those it was made with, and is told so. */
async function cascadeOf({ policies, logger }: RpcDeps, context: HandlerContext) {
  try {
    const listed = await policies.listPolicies({}, within(context))
    const rules = listed.policies.map(({ action, verb, approvers }) => ({ action, verb, approvalsNeeded: approvers }))
    return { cascade: create(PolicyCascadeSchema, { rules }), warnings: [] }
  } catch (error) {
    logger.warn({ error }, 'our approval policies could not be read for a child')
    return {
      cascade: undefined,
      warnings: [`the policies of the parent could not be read (${reasonOf(error)}); those of the child stand`],
    }
  }
}

import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { certificatesToPem } from '@powernode/identity'
import type {
  CertificateAuthorityService,
  IssueCertificateRequest,
} from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import type { Tx } from '@powernode/postgres'
import { callerOf, callerText, personOf, Refusal, requestOf } from '@powernode/rpc'
import { trusted } from '../authority.ts'
import { issueForOperator, issueNodeCertificate } from '../operations/issue-node-certificate.ts'
import { listTrustHolders } from '../operations/list-trust-holders.ts'
import { planRotation } from '../operations/plan-rotation.ts'
import { renewOwnCertificate } from '../operations/renew-own-certificate.ts'
import { reportTrust } from '../operations/report-trust.ts'
import { revokeCertificate } from '../operations/revoke-certificate.ts'
import { revokeIdentity } from '../operations/revoke-identity.ts'
import * as authorities from '../store/authorities.ts'
import * as certificates from '../store/certificates.ts'
import * as platform from '../store/platform.ts'
import * as rotations from '../store/rotations.ts'
import type { Tables } from '../store/tables.ts'
import { authorityToWire, CERTIFICATE_KINDS, certificateToWire, rotationToWire } from '../wire-ca.ts'
import { msOf } from '../wire-description.ts'
import { wordOf } from '../wire-words.ts'
import { isSwitch, rotate, switching } from './acts/switch-ca.ts'
import { act, actOrRehearse, pageSize, type RpcDeps } from './door.ts'
import { afterPage, OFFSET, pageToken } from './page.ts'

export const authorityHandlers = (deps: RpcDeps): ServiceImpl<typeof CertificateAuthorityService> => ({
  getAuthority: () =>
    act(deps, async (tx, now) => {
      const all = await authorities.list(tx)
      const { platformId, trustDomain, bundleSequence } = await platform.read(tx)
      const rotation = await rotations.latest(tx)
      const roots = trusted(all, rotation?.step === 'published')
      const open = rotation && !['retired', 'cancelled'].includes(rotation.step) ? rotation : undefined
      return {
        authorities: all.map(authorityToWire),
        platformId,
        trustDomain,
        trustBundleSequence: BigInt(bundleSequence),
        rootsPem: certificatesToPem(roots.map(({ rootCertificate }) => rootCertificate)),
        ...(open && { rotation: rotationToWire(open, await listTrustHolders(tx, now, open)) }),
      }
    }),

  listCertificates: (req) =>
    act(deps, async (tx, now) => {
      const limit = pageSize(req.pageSize)
      const offset = Number(afterPage(req.pageToken, OFFSET) ?? 0)
      const page = await certificates.list(tx, {
        kind: wordOf(CERTIFICATE_KINDS, req.kind),
        spiffeIds: req.spiffeIds,
        livingAt: req.includeExpired ? undefined : now,
        offset,
        limit: limit + 1,
      })
      return {
        certificates: page.slice(0, limit).map(certificateToWire),
        nextPageToken: page.length > limit ? pageToken(`${offset + limit}`) : '',
      }
    }),

  issueCertificate: (req, context) =>
    actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const { kind, by } = issuing(req, context)
      const issue = callerOf(context).kind === 'service' ? issueNodeCertificate : issueForOperator
      const usual = kind === 'operator' ? deps.us.lifetimes.operatorMs : deps.us.lifetimes.serviceMs
      const { certificate, chain } = await issue(tx, now, {
        us: deps.us,
        by,
        kind,
        name: req.name,
        csrDer: req.csrDer,
        hosts: req.hosts,
        ttlMs: msOf(req.ttl) ?? usual,
        peerId: req.peerId || null,
        commonName: req.commonName || undefined,
      })
      return { certificate: certificateToWire(certificate), chain: req.dryRun ? [] : bytesOf(chain) }
    }),

  renewOwnCertificate: (req, context) =>
    act(deps, async (tx, now) => {
      const said = { us: deps.us, by: requestOf(context), caller: callerOf(context), csrDer: req.csrDer }
      const { certificate, chain } = await renewOwnCertificate(tx, now, said)
      return { certificate: certificateToWire(certificate), chain: bytesOf(chain) }
    }),

  revokeCertificate: (req, context) =>
    actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const said = { us: deps.us, by: requestOf(context), serial: req.serial, reason: req.reason }
      return { certificate: certificateToWire(await revokeCertificate(tx, now, said)) }
    }),

  revokeIdentity: (req, context) =>
    actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const kind = wordOf(CERTIFICATE_KINDS, req.kind)
      if (kind !== 'service' && kind !== 'operator' && kind !== 'instance')
        throw new Refusal('REQUEST_INVALID', 'identities of services, operators and nodes are revoked here')
      const said = { us: deps.us, by: requestOf(context), kind, name: req.name, reason: req.reason } as const
      return { certificates: (await revokeIdentity(tx, now, said)).map(certificateToWire) }
    }),

  watchTrust: (_, { signal }) => deps.trust.watch(signal),

  reportTrust: (req, context) =>
    act(deps, async (tx, now) => {
      const holder = callerText(callerOf(context))
      await reportTrust(tx, now, { holder, sequence: Number(req.sequence), generation: req.generation })
      return {}
    }),

  planRotation: (req, context) =>
    act(deps, async (tx, now) => {
      const said = { us: deps.us, by: requestOf(context), rehearse: req.rehearse }
      const { rotation, holders } = await planRotation(tx, now, said)
      return { rotation: rotationToWire(rotation, holders, req.rehearse) }
    }),

  getRotation: () =>
    act(deps, async (tx, now) => {
      const rotation = await rotations.latest(tx)
      if (!rotation)
        throw new Refusal('ROTATION_NOT_FOUND', 'this CA was never rotated', { next: 'fedctl ca rotate plan' })
      return { rotation: rotationToWire(rotation, await listTrustHolders(tx, now, rotation)) }
    }),

  async applyRotation(req, context) {
    const doing = (tx: Tx<Tables>, now: Date) => rotate(tx, now, { us: deps.us, by: requestOf(context), req })
    const rehearse = () => actOrRehearse(deps, true, doing)
    if (isSwitch(req)) await deps.gate.pass(context, switching(req, { rehearse }))
    return actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const { rotation, holders } = await doing(tx, now)
      return { rotation: rotationToWire(rotation, holders) }
    })
  },
})

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * Who has what issued. Whoever has another's certificate is another: an agent would be a person, or a service that nobody
 * asks. So people have those of services, operators and nodes issued, and spawn-provisioner those of the machines it made, alone.
 */
function issuing(req: IssueCertificateRequest, context: HandlerContext) {
  const kind = wordOf(CERTIFICATE_KINDS, req.kind)
  const isService = callerOf(context).kind === 'service'
  if (isService && kind === 'instance') return { kind, by: requestOf(context) }
  if (isService || (kind !== 'service' && kind !== 'operator' && kind !== 'instance'))
    throw new Refusal(
      'REQUEST_INVALID',
      'people have certificates issued for services, operators and nodes, services for none',
    )
  if (kind === 'instance' && !UUID.test(req.name))
    throw new Refusal('REQUEST_INVALID', 'a node is named by its uuid, in lower case')
  if (req.commonName !== '' || req.peerId !== '')
    throw new Refusal('REQUEST_INVALID', 'a common name and a peer are for spawn-provisioner to say')
  return { kind, by: personOf(context, 'have certificates issued') }
}

const bytesOf = (chain: readonly Buffer[]): Uint8Array<ArrayBuffer>[] => chain.map((der) => Uint8Array.from(der))

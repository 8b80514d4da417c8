import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  createAuthority,
  createCrls,
  createCsr,
  generatePlatformKey,
  platformIdOf,
  signStatement,
  signTrustBundle,
} from '@powernode/identity'
import {
  PlatformDescriptionSchema,
  type PlatformDescription,
} from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import {
  AcceptanceSchema,
  AcceptRequestSchema,
  type Acceptance,
  type AcceptRequest,
} from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { digestOf } from '../src/invitation.ts'

const PEER_ID = '01980000-0000-7000-8000-000000000001'

/** Somebody else's platform, honest or not: it can sign whatever it likes. */
export type Stranger = Awaited<ReturnType<typeof stranger>>

export async function stranger(trustDomain: string, now: Date) {
  const key = generatePlatformKey()
  const authority = await createAuthority({ trustDomain, generation: 1, now })
  const crls = await createCrls(authority, [], { number: 1, now, nextUpdate: new Date(now.getTime() + 1e10) })
  const roots = [authority.rootCertificate]

  const describe = (said: MessageInitShape<typeof PlatformDescriptionSchema> = {}): PlatformDescription =>
    create(PlatformDescriptionSchema, {
      platformId: platformIdOf(key.publicKey),
      identityKey: key.publicKey,
      trustDomain,
      name: trustDomain,
      disclosure: { contact: 'x', jurisdiction: 'x', platformVersion: '1.2.3', releaseTag: 'x' },
      contractWindow: { min: 1, max: 1 },
      endpoints: [{ url: `https://${trustDomain}:8443`, scope: 3 }],
      ...said,
    } as MessageInitShape<typeof PlatformDescriptionSchema>)
  const bundle = (said: Partial<Parameters<typeof signTrustBundle>[0]> = {}, signer = key) =>
    signTrustBundle({ trustDomain, sequence: 1n, issuedAt: now, roots, crls, ...said }, signer)
  const csr = async (): Promise<Acceptance['trust']> => ({
    case: 'csrDer',
    value: Uint8Array.from((await createCsr()).csrDer),
  })

  /** A redemption of `token`, whole unless said otherwise. */
  const accept = (token: string, said: MessageInitShape<typeof AcceptanceSchema> = {}, signer = key): AcceptRequest =>
    create(AcceptRequestSchema, {
      acceptanceToken: token,
      acceptance: signStatement(
        AcceptanceSchema,
        create(AcceptanceSchema, {
          tokenSha256: digestOf(token),
          platform: describe(),
          peerId: PEER_ID,
          trust: { case: 'trustBundle', value: bundle() },
          ...said,
        }),
        signer,
      ),
    })
  return {
    key,
    authority,
    platformId: platformIdOf(key.publicKey),
    trustDomain,
    describe,
    bundle,
    csr,
    accept,
    roots,
    crls,
  }
}

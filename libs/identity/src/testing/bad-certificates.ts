import { type Authority } from '../authority.ts'
import { certificatesToPem, derToPem } from '../pem.ts'
import { spiffeUri, type SpiffeId } from '../spiffe.ts'
import { forgeAuthority, forgeCertificate, newKey, type Forgery } from './forge.ts'
import { makeTestAuthority, type TestPair } from './identities.ts'

export type BadCertificate =
  | 'expired'
  | 'not yet valid'
  | 'without SPIFFE id'
  | 'with two URI SANs'
  | 'of another trust domain'
  | 'self-signed'
  | 'without extended key usage'
  | 'signed by a leaf'
  | 'that may itself sign'
  | 'of a foreign CA of the same name'
  | 'of a CA bound to nothing'

type Maker = (authority: Authority, spiffeId: SpiffeId) => Promise<TestPair>

const HOUR_MS = 3_600_000

/**
 * Every certificate that must get nobody in, each wrong in exactly one way. `ca` is the authority's own root, so that
 * a handshake fails for the certificate's fault and not for want of trust on the other way.
 *
 * Some pass OpenSSL ('without SPIFFE id', 'with two URI SANs', and 'without extended key usage', since no usage stated
 * means any): these only `checkLeafProfile` refuses. profile.test.ts has the table of who refuses what.
 */
export const BAD_CERTIFICATES: Readonly<Record<BadCertificate, Maker>> = {
  expired: leafWith({ fromMs: -2 * HOUR_MS, untilMs: -HOUR_MS }),
  'not yet valid': leafWith({ fromMs: HOUR_MS, untilMs: 2 * HOUR_MS }),
  'without SPIFFE id': leafWith({ uris: [] }),
  'with two URI SANs': (authority, spiffeId) =>
    leafWith({ uris: [spiffeUri(spiffeId), spiffeUri({ ...spiffeId, name: 'another' })] })(authority, spiffeId),
  'of another trust domain': (authority, spiffeId) =>
    leafWith({ uris: [spiffeUri({ ...spiffeId, trustDomain: 'elsewhere.example' })] })(authority, spiffeId),
  'self-signed': async (authority, spiffeId) => {
    const key = newKey()
    const der = await forgeCertificate({
      publicKey: key.publicKey,
      privateKey: key.pkcs8,
      issuer: 'self',
      uris: [spiffeUri(spiffeId)],
    })
    return pair([der], key.pkcs8, authority)
  },
  'without extended key usage': leafWith({ extendedKeyUsage: false }),
  'signed by a leaf': async (authority, spiffeId) => {
    const middle = newKey()
    const middleDer = await leaf(authority, { publicKey: middle.publicKey, uris: [spiffeUri(spiffeId)] })
    const key = newKey()
    const der = await forgeCertificate({
      publicKey: key.publicKey,
      issuer: { certificate: middleDer, key: middle.pkcs8 },
      uris: [spiffeUri(spiffeId)],
    })
    return pair([der, middleDer, authority.issuingCertificate, authority.rootCertificate], key.pkcs8, authority)
  },
  'that may itself sign': leafWith({ ca: true }),
  'of a foreign CA of the same name': async (authority, spiffeId) => {
    const foreign = await makeTestAuthority(spiffeId.trustDomain, authority.generation)
    const made = await leafWith({})(foreign, spiffeId)
    return { ...made, ca: certificatesToPem([authority.rootCertificate]) }
  },
  'of a CA bound to nothing': async (authority, spiffeId) => {
    const made = await leafWith({})(await forgeAuthority(), spiffeId)
    return { ...made, ca: certificatesToPem([authority.rootCertificate]) }
  },
}

function leafWith(fault: Partial<Forgery>): Maker {
  return async (authority, spiffeId) => {
    const key = newKey()
    const der = await leaf(authority, { publicKey: key.publicKey, uris: [spiffeUri(spiffeId)], ...fault })
    return pair([der, authority.issuingCertificate, authority.rootCertificate], key.pkcs8, authority)
  }
}

function leaf(authority: Authority, forgery: Omit<Forgery, 'issuer'>): Promise<Buffer> {
  const issuer = { certificate: authority.issuingCertificate, key: authority.issuingKey }
  return forgeCertificate({ ...forgery, issuer })
}

function pair(chain: readonly Buffer[], pkcs8: Buffer, authority: Authority): TestPair {
  return {
    cert: certificatesToPem(chain),
    key: derToPem(pkcs8, 'PRIVATE KEY'),
    ca: certificatesToPem([authority.rootCertificate]),
  }
}

export { forgeAuthority, forgeCertificate, newKey, type Forgery } from './testing/forge.ts'
export { BAD_CERTIFICATES, type BadCertificate } from './testing/bad-certificates.ts'
export { makeTestAuthority, makeTestIdentity, type TestPair, type TestPlace } from './testing/identities.ts'
export { hasOpenssl } from './testing/openssl.ts'

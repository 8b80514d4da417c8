export { forgeAuthority, forgeCertificate } from './testing/forge.ts'
export { BAD_CERTIFICATES, type BadCertificate } from './testing/bad-certificates.ts'
export { makeTestAuthority, makeTestIdentity, type TestPair } from './testing/identities.ts'

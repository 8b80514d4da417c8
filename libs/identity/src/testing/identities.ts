import { systemClock } from '@powernode/clock'
import { createAuthority, type Authority } from '../authority.ts'
import { issueCertificate } from '../issue-certificate.ts'
import { createCsr } from '../csr.ts'
import { type SpiffeId } from '../spiffe.ts'
import { type TlsMaterial } from '../tls-files.ts'
import { tlsContentOf, writeTlsFiles } from '../write-tls-files.ts'

/** What node:tls takes: a chain, its key, and whom to trust. */
export type TestPair = { readonly cert: string; readonly key: string; readonly ca: string }

export type TestPlace = {
  readonly dir: string
  readonly hosts?: readonly string[]
  readonly crls?: readonly Buffer[]
  readonly commonName?: string
}

const LOCAL_HOSTS = ['localhost', '127.0.0.1', '::1']
const DAY_MS = 86_400_000

/** A CA of that trust domain, valid by the real clock, since TLS asks no other. */
export function makeTestAuthority(trustDomain: string, generation = 1): Promise<Authority> {
  return createAuthority({ trustDomain, generation, now: systemClock.now() })
}

/** A good identity in `dir`, as a running service has it: answers as localhost, for one day, as server and client. */
export async function makeTestIdentity(
  authority: Authority,
  spiffeId: SpiffeId,
  where: string | TestPlace,
): Promise<TlsMaterial> {
  const {
    dir,
    hosts = LOCAL_HOSTS,
    crls = [],
    commonName,
  }: TestPlace = typeof where === 'string' ? { dir: where } : where
  const now = systemClock.now()
  const { csrDer, privateKeyPkcs8Der } = await createCsr()
  const { chain } = await issueCertificate(authority, {
    holder: { csrDer },
    spiffeId,
    commonName,
    hosts,
    notBefore: now,
    notAfter: new Date(now.getTime() + DAY_MS),
    usages: ['server', 'client'],
  })
  return writeTlsFiles(dir, tlsContentOf({ chain, privateKeyPkcs8Der, roots: [authority.rootCertificate], crls }))
}

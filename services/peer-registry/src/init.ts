import { generateKeyPairSync } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock, type Clock } from '@powernode/clock'
import { readTlsFiles, tlsContentOf, TLS_FILES, writeTlsFiles } from '@powernode/identity'
import { inTransaction, openDb, requireSchema, type Db } from '@powernode/postgres'
import type { SealingKeyConfig } from './config.ts'
import type { By } from './events.ts'
import { readLocal } from './feed/routes.ts'
import { createPlatform } from './operations/create-platform.ts'
import { issueCertificates } from './operations/issue-certificate.ts'
import { recordContract } from './operations/record-contract.ts'
import type { Lifetimes, Self, Us } from './platform.ts'
import { MIGRATIONS, SCHEMA } from './service.ts'
import * as platform from './store/platform.ts'
import type { Tables } from './store/tables.ts'
import { openSealingKey, usFrom } from './us.ts'

/** One identity directory to fill: cert.pem, key.pem, roots.pem, crl.pem. */
export type IdentityWanted = {
  readonly kind: 'service' | 'operator'
  readonly name: string
  readonly dir: string
  /** DNS names and addresses a service answers under. */
  readonly hosts: readonly string[]
}

export type InitConfig = {
  /** As the service's own role. */
  readonly databaseUrl: string
  readonly trustDomain: string
  readonly sealingKey: SealingKeyConfig
  readonly self: Self
  readonly lifetimes: Lifetimes
  readonly identities: readonly IdentityWanted[]
}

const BY: By = { actor: 'service/peer-registry' }

/**
 * The first step of a platform's life, before any of its services can start: its identity key and CA in the database,
 * and a certificate for each service and the first operator. Run again, it only fills what is missing or has run out.
 */
export async function initPlatform(config: InitConfig, clock: Clock = systemClock): Promise<{ platformId: string }> {
  const db = openDb<Tables>({ url: config.databaseUrl, schema: SCHEMA, applicationName: 'peer-registry init' })
  try {
    await requireSchema(db, SCHEMA, MIGRATIONS)
    const sealing = openSealingKey(config.sealingKey)
    await inTransaction(db, async (tx) => {
      await recordContract(tx)
      await createPlatform(tx, clock.now(), { sealing, trustDomain: config.trustDomain })
    })
    const us = usFrom(config, await inTransaction(db, platform.read), sealing)
    const missing = config.identities.filter(({ dir }) => isMissing(dir, clock))
    await fill(db, us, missing, clock)
    return { platformId: us.platformId }
  } finally {
    await db.destroy()
  }
}

/** Missing, or past its end. Half a pair is neither: that is for a person to mend, and the error says how. */
function isMissing(dir: string, clock: Clock): boolean {
  const has = (file: string) => existsSync(join(dir, file))
  if (!has(TLS_FILES.cert) && !has(TLS_FILES.key)) return true
  return readTlsFiles(dir).notAfter <= clock.now()
}

/** A certificate for each, of a key that is made here. Files are written once all is noted: what is not is missing the next time. */
async function fill(db: Db<Tables>, us: Us, missing: readonly IdentityWanted[], clock: Clock): Promise<void> {
  if (missing.length === 0) return
  const leaves = missing.map((wanted) => leafOf(wanted, us.lifetimes))
  const { issued, local } = await inTransaction(db, async (tx) => ({
    issued: await issueCertificates(tx, clock.now(), { us, by: BY }, leaves),
    local: await readLocal(tx),
  }))
  for (const { leaf, chain } of issued) {
    const privateKeyPkcs8Der = leaf.privateKey.export({ format: 'der', type: 'pkcs8' })
    writeTlsFiles(leaf.dir, tlsContentOf({ chain, privateKeyPkcs8Der, roots: local.roots, crls: local.crls }))
  }
}

function leafOf(wanted: IdentityWanted, { serviceMs, operatorMs }: Lifetimes) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const holder = { publicKey: publicKey.export({ format: 'der', type: 'spki' }) }
  return { ...wanted, privateKey, holder, ttlMs: wanted.kind === 'service' ? serviceMs : operatorMs, peerId: null }
}

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { witnessNameOf } from '@powernode/ledger'
import { cosigner, logSigner, verifierOf, type Signer, type Verifier } from '@powernode/tlog'

/** What we sign with: one Ed25519 key for all our logs, whose names differ by origin, and one for what we witness. */
export type LedgerKeys = {
  readonly log: KeyObject
  readonly witness: KeyObject
  /** 32 bytes each. */
  readonly publicKeys: { readonly log: Uint8Array; readonly witness: Uint8Array }
  /** `<trust domain>/witness`: the name that our cosignatures stand under. */
  readonly witnessName: string
  /** Signs checkpoints of the log with this origin (C2SP signed-note, Ed25519). */
  readonly signerOf: (origin: string) => Signer
  readonly verifierOf: (origin: string) => Verifier
  /** Cosigns others' checkpoints as seen at a moment (C2SP tlog-cosignature v1). */
  readonly cosignerAt: (ms: number) => Signer
  readonly vkeys: { readonly log: (origin: string) => string; readonly witness: string }
}

type Pair = { readonly log: KeyObject; readonly witness: KeyObject }

export function ledgerKeys({ log, witness }: Pair, trustDomain: string): LedgerKeys {
  const publicKeys = { log: publicBytes(log), witness: publicBytes(witness) }
  const witnessName = witnessNameOf(trustDomain)
  const verifier = (origin: string) => verifierOf(origin, 'ed25519', publicKeys.log)
  return {
    log,
    witness,
    publicKeys,
    witnessName,
    signerOf: (origin) => logSigner(origin, log),
    verifierOf: verifier,
    cosignerAt: (ms) => cosigner(witnessName, witness, ms),
    vkeys: {
      log: (origin) => verifier(origin).vkey,
      witness: verifierOf(witnessName, 'cosignature/v1', publicKeys.witness).vkey,
    },
  }
}

/** A new key to sign with, and what is kept of it. */
export function newKey(): { readonly publicKey: Uint8Array; readonly pkcs8: Buffer } {
  const { privateKey } = generateKeyPairSync('ed25519')
  return { publicKey: publicBytes(privateKey), pkcs8: privateKey.export({ format: 'der', type: 'pkcs8' }) }
}

export function keyFrom(pkcs8: Buffer): KeyObject {
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
}

function publicBytes(key: KeyObject): Uint8Array {
  const { x } = createPublicKey(key).export({ format: 'jwk' })
  return Buffer.from(x ?? '', 'base64url')
}

import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { signStatement } from '@powernode/identity'
import { LedgerKeysSchema } from '@powernode/proto/powernode/federation/v1/ledger_pb.ts'
import type { Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import type { Us } from './platform.ts'
import { checkedKey } from './identity-key.ts'

/** The two keys that audit-ledger signs with: for our logs, and for those of others that it has witnessed. */
export type KeyPair = { readonly logPublicKey: Buffer; readonly witnessPublicKey: Buffer }

export type EndorsedKeys = KeyPair & {
  readonly sequence: number
  /** The envelope of LedgerKeys. */
  readonly statement: Buffer
  readonly endorsedAt: Date
}

/** The keys as they were said, provided somebody can own them and they are two: a signature of one is none of the other. */
export function keyPairFrom(said: { logPublicKey: Uint8Array; witnessPublicKey: Uint8Array }): KeyPair {
  const logPublicKey = Buffer.from(checkedKey(said.logPublicKey))
  const witnessPublicKey = Buffer.from(checkedKey(said.witnessPublicKey))
  return { logPublicKey, witnessPublicKey }
}

export const areSameKeys = (one: KeyPair, other: KeyPair): boolean =>
  one.logPublicKey.equals(other.logPublicKey) && one.witnessPublicKey.equals(other.witnessPublicKey)

/** "These sign my logs, and what I have witnessed", in our name. */
export function endorse(us: Us, pair: KeyPair, sequence: number, at: Date): Envelope {
  const said = create(LedgerKeysSchema, {
    platformId: us.platformId,
    trustDomain: us.trustDomain,
    logPublicKey: pair.logPublicKey,
    witnessPublicKey: pair.witnessPublicKey,
    sequence: BigInt(sequence),
    at: timestampFromDate(at),
  })
  return signStatement(LedgerKeysSchema, said, us.key)
}

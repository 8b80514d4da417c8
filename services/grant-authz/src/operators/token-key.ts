import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { create } from '@bufbuild/protobuf'
import { TOKEN_TYPE } from '@powernode/operators'
import { TokenIssuerSchema, type TokenIssuer } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import { calculateJwkThumbprint, SignJWT } from 'jose'
import type { TokenSaid } from '../operator-token.ts'

const ALGORITHM = 'EdDSA'

/** Our own issuer of operator tokens. */
export type TokenKey = {
  /** What services verify its tokens by. */
  readonly told: TokenIssuer
  readonly mint: (said: TokenSaid) => Promise<string>
}

/**
 * The issuer with the key of a file, the same for every replica.
 *
 * Throws unless the file is an Ed25519 key that only we can read. The audience is the platform, so that no token is good
 * on another; it MUST be bound to a certificate, so that one that is found is worth nothing.
 */
export async function openTokenKey(file: string, trustDomain: string): Promise<TokenKey> {
  const openTo = statSync(file).mode & 0o027
  if (openTo !== 0) throw new Error(`${file} is open to others: chmod 600`)
  const key = createPrivateKey(readFileSync(file))
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`${file} holds no Ed25519 key`)
  const issuer = `spiffe://${trustDomain}/service/grant-authz`
  const audience = `powernode:${trustDomain}`
  const jwk = createPublicKey(key).export({ format: 'jwk' })
  const kid = await calculateJwkThumbprint(jwk)
  const told = create(TokenIssuerSchema, {
    issuer,
    audience,
    algorithms: [ALGORITHM],
    jwksJson: JSON.stringify({ keys: [{ ...jwk, kid, alg: ALGORITHM, use: 'sig' }] }),
    mustBeBound: true,
  })
  return { told, mint: (said) => sign({ key, kid, issuer, audience }, said) }
}

type Signer = { readonly key: KeyObject; readonly kid: string; readonly issuer: string; readonly audience: string }

function sign({ key, kid, issuer, audience }: Signer, said: TokenSaid): Promise<string> {
  const thumbprint = Buffer.from(said.certificateSha256).toString('base64url')
  return new SignJWT({ cnf: { 'x5t#S256': thumbprint } })
    .setProtectedHeader({ alg: ALGORITHM, kid, typ: TOKEN_TYPE })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(said.operator)
    .setJti(said.id)
    .setIssuedAt(said.issuedAt)
    .setExpirationTime(said.expiresAt)
    .sign(key)
}

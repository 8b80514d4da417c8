import { hash, sign, verify } from 'node:crypto'
import { create, fromBinary, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import { createValidator } from '@bufbuild/protovalidate'
import { jsonProblem } from '@powernode/proto/json-problem.ts'
import { EnvelopeSchema, type Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { checkIdentityKey, InvalidKey, publicKeyObject, type PlatformKey } from './platform-key.ts'

/** What a received statement turned out to be. A `reason` is safe to show to its sender. */
export type Opened<T> =
  | { readonly message: T }
  | { readonly reason: 'wrong-type' | 'key-invalid' | 'signature-invalid' | 'malformed'; readonly detail: string }

const validator = createValidator()

/**
 * Says something in the platform's name: DSSE v1 (see Envelope in platform.proto).
 * A statement that breaks its own rules throws here, at the speaker, instead of being refused by every listener.
 */
export function signStatement<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  key: PlatformKey,
): Envelope {
  const checked = validator.validate(schema, message)
  if (checked.kind !== 'valid') throw new Error(`signing a ${schema.name} that is not valid`, { cause: checked.error })
  const payloadType = payloadTypeOf(schema)
  const payload = toBinary(schema, message)
  const signature = sign(null, preAuthenticationEncoding(payloadType, payload), key.privateKey)
  return create(EnvelopeSchema, { payloadType, payload, signature })
}

/** The same under the name that pairs with sealing; signing is all the sealing an envelope has. */
export const sealEnvelope = signStatement

/** The statement if it is of this type, signed by this key and valid by its own rules; else undefined. */
export function openStatement<Desc extends DescMessage>(
  schema: Desc,
  envelope: Envelope | undefined,
  publicKey: Uint8Array,
): MessageShape<Desc> | undefined {
  const opened = readStatement(schema, envelope, publicKey)
  return 'message' in opened ? opened.message : undefined
}

/**
 * As `openStatement`, but says what was wrong.
 * The type is checked first and is itself under the signature, so a statement cannot be passed off as another kind.
 * The bytes verified are the bytes received: protobuf has many encodings of one message, and only one was signed.
 */
export function readStatement<Desc extends DescMessage>(
  schema: Desc,
  envelope: Envelope | undefined,
  publicKey: Uint8Array,
): Opened<MessageShape<Desc>> {
  const expected = payloadTypeOf(schema)
  if (envelope?.payloadType !== expected) return { reason: 'wrong-type', detail: `expected ${expected}` }
  const keyProblem = identityKeyProblem(publicKey)
  if (keyProblem) return { reason: 'key-invalid', detail: keyProblem }
  const signed = preAuthenticationEncoding(envelope.payloadType, envelope.payload)
  if (!verify(null, signed, publicKeyObject(publicKey), envelope.signature)) {
    return { reason: 'signature-invalid', detail: `the ${schema.name} is not signed by this identity key` }
  }
  return decode(schema, envelope.payload)
}

/** SHA-256 of the payload as received: how other statements refer to this one. */
export function statementDigest(envelope: Envelope): Buffer {
  return hash('sha256', envelope.payload, 'buffer')
}

/** `application/vnd.powernode.federation.v1.<Message>+protobuf` */
export function payloadTypeOf(schema: DescMessage): string {
  return `application/vnd.${schema.typeName}+protobuf`
}

/** DSSE v1 PAE: lengths in bytes, so no type and payload can be cut differently and still sign the same. */
function preAuthenticationEncoding(type: string, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload])
}

function decode<Desc extends DescMessage>(schema: Desc, payload: Uint8Array): Opened<MessageShape<Desc>> {
  try {
    const message = fromBinary(schema, payload)
    const checked = validator.validate(schema, message)
    if (checked.kind !== 'valid') return { reason: 'malformed', detail: checked.error.message }
    const problem = jsonProblem(schema, message)
    return problem ? { reason: 'malformed', detail: `${problem.field}: ${problem.description}` } : { message }
  } catch {
    return { reason: 'malformed', detail: `the payload is no ${schema.name}` }
  }
}

function identityKeyProblem(publicKey: Uint8Array): string | undefined {
  try {
    checkIdentityKey(publicKey)
    return undefined
  } catch (error) {
    if (error instanceof InvalidKey) return error.message
    throw error
  }
}

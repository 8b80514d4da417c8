import { createHash } from 'node:crypto'
import { clone, ScalarType, type DescField, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import { anyPack, type Any } from '@bufbuild/protobuf/wkt'
import { reflect } from '@bufbuild/protobuf/reflect'

/** What is to be carried out, to the letter, and the hash under which it is approved. */
export type Plan = { readonly any: Any; readonly sha256: Buffer }

/** A request as a plan: whatever its proto marks as a secret (debug_redact) has become the digest of itself. */
export function planOf<Desc extends DescMessage>(action: string, schema: Desc, request: MessageShape<Desc>): Plan {
  const any = anyPack(schema, withoutSecrets(schema, request))
  return { any, sha256: planSha256(action, any) }
}

/** The hash of a plan, as approval.proto says: what an approver names, and what the executor compares. */
export function planSha256(action: string, { typeUrl, value }: Pick<Any, 'typeUrl' | 'value'>): Buffer {
  return createHash('sha256').update(`${action}\0${typeUrl}\0`).update(value).digest()
}

/** How a secret stands in a plan: enough to know it again, and nothing to use it by. */
export function secretInPlan(secret: string): string {
  return `sha256:${createHash('sha256').update(secret).digest('hex')}`
}

function withoutSecrets<Desc extends DescMessage>(schema: Desc, request: MessageShape<Desc>): MessageShape<Desc> {
  const copy = clone(schema, request)
  const fields = reflect(schema, copy)
  for (const field of schema.fields.filter(isSecret)) {
    if (field.fieldKind !== 'scalar' || field.scalar !== ScalarType.STRING)
      throw new Error(`${field.toString()} is a secret, and only a string can be kept out of a plan`)
    const secret = fields.get(field)
    if (secret !== '') fields.set(field, secretInPlan(secret))
  }
  return copy
}

const isSecret = (field: DescField): boolean => field.proto.options?.debugRedact === true

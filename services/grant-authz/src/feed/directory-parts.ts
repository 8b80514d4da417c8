import type { MessageInitShape } from '@bufbuild/protobuf'
import type { DirectorySchema } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import { operatorToWire } from '../operator-wire.ts'
import * as operators from '../store/operators.ts'
import type { GrantTx } from '../store/tables.ts'
import * as tokenIssuers from '../store/token-issuers.ts'
import { approvalPart } from './approval-part.ts'

type DirectoryInit = Exclude<MessageInitShape<typeof DirectorySchema>, { readonly $typeName: string }>

/**
 * One area's share of the directory that every service follows: fields that no other part fills.
 *
 * The directory is sent whole whenever something of it changed, so its tables need no epoch of their own: each carries the
 * row trigger `tell_operators()` of 0004_operator.sql, and MUST, or its changes are not told.
 */
export type DirectoryPart = (tx: GrantTx) => Promise<DirectoryInit>

/** Who our operators are. */
const staff: DirectoryPart = async (tx) => {
  const { operators: all, roles } = await operators.staff(tx)
  return { operators: all.map((operator) => operatorToWire(operator, roles)) }
}

/** Whose tokens they may show, beside our own. */
const issuers: DirectoryPart = async (tx) => {
  const oidc = await tokenIssuers.find(tx)
  if (!oidc || oidc.jwks === '') return {}
  const { issuer, audience, algorithms, jwks } = oidc
  return { issuers: [{ issuer, audience, algorithms: [...algorithms], jwksJson: jwks, subjects: 'oidc' }] }
}

/** Each area brings its own. */
export const DIRECTORY_PARTS: readonly DirectoryPart[] = [staff, issuers, approvalPart]

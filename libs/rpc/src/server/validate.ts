import { create, type DescMessage, type Message } from '@bufbuild/protobuf'
import { pathToString } from '@bufbuild/protobuf/reflect'
import { createValidator, type Violation } from '@bufbuild/protovalidate'
import type { Interceptor } from '@connectrpc/connect'
import { BadRequestSchema } from '@powernode/proto/google/rpc/error_details_pb.ts'
import { jsonProblem, type JsonProblem } from '@powernode/proto/json-problem.ts'
import { textProblem } from '@powernode/proto/text-problem.ts'
import { callerKey } from '../calls/call.ts'
import { Refusal } from '../errors/refusal.ts'

const validator = createValidator()

/** Holds every request to the rules its proto states, so that handlers hold no shape checks. */
export const validation: Interceptor = (next) => (req) => {
  if (!req.stream) {
    refuseInvalid(req.method.input, req.message)
    // Not from services: they pass on what peers say, and whoever keeps that makes it fit to be kept.
    if (req.contextValues.get(callerKey)?.kind === 'operator') refuseProblem(textProblem(req.method.input, req.message))
    return next(req)
  }
  return next({ ...req, message: eachValid(req.method.input, req.message) })
}

/** Refuses a message that breaks the rules its proto states, naming every field that does. */
export function refuseInvalid(schema: DescMessage, message: Message): void {
  const result = validator.validate(schema, message)
  if (result.kind === 'valid') return refuseJson(schema, message)
  if (result.kind === 'error') throw new Error(`the rules of ${schema.typeName} are broken`, { cause: result.error })
  const fieldViolations = result.violations.map(toWire)
  const [first] = fieldViolations
  throw new Refusal(
    'REQUEST_INVALID',
    first?.field ? `${first.field}: ${first.description}` : (first?.description ?? 'invalid'),
    {
      details: [create(BadRequestSchema, { fieldViolations })],
    },
  )
}

function refuseJson(schema: DescMessage, message: Message): void {
  refuseProblem(jsonProblem(schema, message))
}

function refuseProblem(problem: JsonProblem | undefined): void {
  if (!problem) return
  throw new Refusal('REQUEST_INVALID', `${problem.field}: ${problem.description}`, {
    details: [create(BadRequestSchema, { fieldViolations: [problem] })],
  })
}

/** Compiles the rules of a message ahead of its first use, which otherwise takes a tenth of a second. */
export function warmUp(schema: DescMessage): void {
  validator.validate(schema, create(schema))
}

async function* eachValid(schema: DescMessage, messages: AsyncIterable<Message>): AsyncGenerator<Message> {
  for await (const message of messages) {
    refuseInvalid(schema, message)
    yield message
  }
}

function toWire({ field, message }: Violation): { field: string; description: string } {
  return { field: pathToString(field), description: message }
}

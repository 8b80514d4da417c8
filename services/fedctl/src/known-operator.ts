import type { Operator } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import { EXIT } from './exit-codes.ts'
import { Problem } from './problem.ts'
import type { Session } from './session.ts'

/** The operator of a name, when there is one. */
export async function findOperator({ clients }: Session, name: string): Promise<Operator | undefined> {
  const { operators } = await clients.operators.listOperators({})
  return operators.find((operator) => operator.name === name)
}

/** The operator of a name, which has to be there. */
export async function knownOperator(session: Session, name: string): Promise<Operator> {
  const found = await findOperator(session, name)
  if (found) return found
  throw new Problem({
    reason: 'OPERATOR_UNKNOWN',
    message: `there is no operator ${name}`,
    next: 'fedctl operator list',
    exitCode: EXIT.usage,
  })
}

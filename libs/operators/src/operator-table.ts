import type { Directory, Operator } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import { isPermission, Refusal, type Credentials, type OperatorCaller } from '@powernode/rpc'
import { issuerFrom, verifyToken, type Issuer } from './verify-token.ts'

/**
 * Our operators as a directory told of them, at one moment. Never changes: what is told next makes another.
 *
 * Deny by default: whoever is not in it may nothing, and a permission it does not know by name gives nothing.
 */
export class OperatorTable {
  readonly #operators: ReadonlyMap<string, Operator>
  readonly #bySubject: ReadonlyMap<string, string>
  readonly #issuers: readonly Issuer[]
  /** Issuers that cannot be used, and why: for the log. */
  readonly unusable: readonly string[]

  constructor({ operators, issuers }: Pick<Directory, 'operators' | 'issuers'>) {
    this.#operators = new Map(operators.map((operator) => [operator.name, operator]))
    this.#bySubject = new Map(operators.flatMap(({ name, oidcSubjects }) => oidcSubjects.map((one) => [one, name])))
    const made = issuers.map(issuerFrom)
    this.#issuers = made.filter((issuer) => typeof issuer !== 'string')
    this.unusable = made.filter((issuer) => typeof issuer === 'string')
  }

  /** The operator whom credentials show, with all it may do; throws a Refusal for everybody else. */
  async identify({ holder, certificateSha256, token }: Credentials, now: Date): Promise<OperatorCaller> {
    const isOperator = holder.kind === 'operator'
    if (token === undefined) return this.#caller(isOperator ? holder.name : '', 'certificate')
    // Whoever is locked out does not come in by another's token.
    if (isOperator && this.#operators.get(holder.name)?.paused) throw paused(holder.name)
    const { subject, isOidc } = await verifyToken(this.#issuers, { token, certificateSha256, now })
    return this.#caller(isOidc ? (this.#bySubject.get(subject) ?? '') : subject, 'token')
  }

  #caller(name: string, by: OperatorCaller['by']): OperatorCaller {
    const operator = this.#operators.get(name)
    if (!operator) throw unknown(name, by)
    if (operator.paused) throw paused(name)
    const permissions = new Set(operator.permissions.filter(isPermission))
    return { kind: 'operator', name, permissions, agent: operator.kind === 'agent', by }
  }
}

function unknown(name: string, by: OperatorCaller['by']): Refusal {
  const who = name === '' ? `whom your ${by} speaks for` : `operator/${name}, as your ${by} says you are,`
  return new Refusal('OPERATOR_UNKNOWN', `${who} is no operator of this platform, or is one no more`, {
    metadata: { operator: name },
    next: `an admin can change that: fedctl operator set ${name || '<name>'} --role viewer`,
  })
}

function paused(name: string): Refusal {
  return new Refusal('OPERATOR_PAUSED', `operator/${name} is paused, and may do nothing for now`, {
    metadata: { operator: name },
    next: `an admin can change that: fedctl operator set ${name} --resume`,
  })
}

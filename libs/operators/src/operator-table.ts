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
  /** Why agents may do nothing; undefined: they may. */
  readonly #halted: string | undefined
  /** Issuers that cannot be used, and why: for the log. */
  readonly unusable: readonly string[]

  constructor({ operators, issuers, autonomy }: Pick<Directory, 'operators' | 'issuers' | 'autonomy'>) {
    this.#halted = autonomy?.halted ? autonomy.reason : undefined
    this.#operators = new Map(operators.map((operator) => [operator.name, operator]))
    this.#bySubject = new Map(operators.flatMap(({ name, oidcSubjects }) => oidcSubjects.map((one) => [one, name])))
    const made = issuers.map(issuerFrom)
    this.#issuers = made.filter((issuer) => typeof issuer !== 'string')
    this.unusable = made.filter((issuer) => typeof issuer === 'string')
  }

  /** The operator whom credentials show, with all it may do; throws a Refusal for everybody else. */
  async identify({ holder, certificateSha256, token }: Credentials, now: Date): Promise<OperatorCaller> {
    const holds = holder.kind === 'operator' ? this.#known(holder.name, 'certificate') : undefined
    if (token === undefined) return this.#caller(holds ?? this.#known('', 'certificate'), 'certificate')
    // Whoever is locked out, or was let go, does not come in by another's token; and an agent stays one.
    const { subject, isOidc } = await verifyToken(this.#issuers, { token, certificateSha256, now })
    const operator = this.#known(isOidc ? (this.#bySubject.get(subject) ?? '') : subject, 'token')
    return this.#caller(operator, 'token', holds)
  }

  #known(name: string, by: OperatorCaller['by']): Operator {
    const operator = this.#operators.get(name)
    if (!operator) throw unknown(name, by)
    if (operator.paused) throw paused(name)
    return operator
  }

  #caller({ name, kind, permissions }: Operator, by: OperatorCaller['by'], holds?: Operator): OperatorCaller {
    const agent = holds?.kind === 'agent' || kind === 'agent'
    const heldBy = holds && holds.name !== name ? { heldBy: holds.name } : {}
    const may = new Set(permissions.filter(isPermission))
    const halted = agent ? this.#halted : undefined
    return { kind: 'operator', name, permissions: may, agent, by, ...heldBy, ...(halted !== undefined && { halted }) }
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

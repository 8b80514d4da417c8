import { Command, Option } from '@commander-js/extra-typings'
import { OperatorSchema } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { findOperator } from '../known-operator.ts'
import { dryRun, wait } from '../options.ts'
import { plain } from '../plain.ts'
import { usage } from '../problem.ts'
import { operatorSheet } from '../render/operators.ts'
import { listed } from '../values.ts'
import { present, written } from '../written.ts'

export const operatorSet = (run: Run) =>
  new Command('set')
    .description('make an operator known, or change it; what is not named stays. Its certificate: fedctl cert issue')
    .argument('<name>', 'as in the certificate: operator/<name>')
    .option('--role <roles>', 'replaces its roles; by commas (see: fedctl operator roles)', listed)
    .addOption(new Option('--kind <kind>', 'what an agent does goes through the policies').choices(['person', 'agent']))
    .addOption(new Option('--pause', 'it may do nothing until it is resumed').conflicts('resume'))
    .option('--resume', 'it may act again')
    .option('--note <text>', 'kept with it')
    .option('--oidc-subject <subjects>', 'replaces its subjects at the OIDC issuer; by commas', listed)
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, name, options) => {
        const { role, kind, pause, resume, note, oidcSubject } = options
        const before = await findOperator(session, name)
        if (!before && role === undefined)
          throw usage(`${name} is new here, and needs a role`, `fedctl operator set ${name} --role viewer`)
        // Known to every service within moments: there is nothing to wait for.
        const answer = await session.clients.operators.setOperator({
          operator: {
            name,
            kind: kind ?? before?.kind ?? 'person',
            roles: role ?? before?.roles ?? [],
            paused: pause === true || (before?.paused === true && resume !== true),
            note: note ?? before?.note ?? '',
            oidcSubjects: oidcSubject ?? before?.oidcSubjects ?? [],
          },
          dryRun: options.dryRun === true,
        })
        const operator = present(answer.operator, 'an operator')
        return written({
          dryRun: options.dryRun,
          data: { operator: plain(OperatorSchema, operator) },
          text: (canvas) => operatorSheet(operator, canvas),
        })
      }),
    )

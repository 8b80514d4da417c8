import { hash } from 'node:crypto'
import { join, resolve } from 'node:path'
import { durationFromMs, timestampDate } from '@bufbuild/protobuf/wkt'
import { Command } from '@commander-js/extra-typings'
import { pemToDer } from '@powernode/identity'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { usage } from '../problem.ts'
import { left, moment } from '../render/time.ts'
import { read } from '../said.ts'
import { durationMs } from '../values.ts'
import { written } from '../written.ts'

export const operatorToken = (run: Run) =>
  new Command('token')
    .description('a bearer JWT that speaks for an operator, good with one certificate only; shown once')
    .argument('<name>', 'the operator it speaks for')
    .option('--certificate <file>', 'cert.pem of who is to use it (default: your own)')
    .option('--ttl <duration>', 'how long it is good for (default 1h, at most 12h)', durationMs)
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, name, options) => {
        const file = options.certificate
          ? resolve(session.env.cwd, options.certificate)
          : join(session.context.identityDir, 'cert.pem')
        const [leaf] = pemToDer(read(file, options.certificate), 'CERTIFICATE')
        if (!leaf) throw usage(`${file} holds no certificate`)
        const { token, expiresAt } = await session.clients.operators.issueToken({
          name,
          certificateSha256: hash('sha256', leaf, 'buffer'),
          ...(options.ttl !== undefined && { ttl: durationFromMs(options.ttl) }),
          dryRun: options.dryRun === true,
        })
        return written({
          dryRun: options.dryRun,
          data: { name, token, expires_at: expiresAt ? timestampDate(expiresAt).toISOString() : null },
          text: ({ to, now }) =>
            [
              `for operator/${name} until ${moment(expiresAt)} UTC (in ${left(expiresAt, now)}), with the certificate in ${file}`,
              token && `\n${token}\n`,
              token && to.dim('This is the only time it is shown. Header: authorization: Bearer <token>'),
            ]
              .filter(Boolean)
              .join('\n'),
        })
      }),
    )

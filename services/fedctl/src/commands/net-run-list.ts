import { Command, Option } from '@commander-js/extra-typings'
import { RunSchema } from '@powernode/proto/powernode/sdwan/v1/skill_pb.ts'
import type { Run } from '../invoke.ts'
import { allPages } from '../pages.ts'
import { plain } from '../plain.ts'
import { runTable } from '../render/net-runs.ts'

const SKILLS = ['sdwan_federation_compose', 'multi_tenant_isolation'] as const

export const netRunList = (run: Run) =>
  new Command('list')
    .description('runs of skills: how far each has come')
    .addOption(new Option('--skill <skill>', 'only of this skill').choices(SKILLS))
    .action(
      run(async (session, { skill = '' }) => {
        const runs = await allPages(
          (pageToken) => session.clients.network.listRuns({ skill, pageSize: 1000, pageToken }),
          (page) => page.runs,
        )
        return { data: { runs: runs.map((one) => plain(RunSchema, one)) }, text: (canvas) => runTable(runs, canvas) }
      }),
    )

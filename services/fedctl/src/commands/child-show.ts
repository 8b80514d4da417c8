import { Command } from '@commander-js/extra-typings'
import { plainChildView, viewChild } from '../child-view.ts'
import type { Run } from '../invoke.ts'
import { child } from '../options.ts'
import { childSheet } from '../render/child-sheet.ts'

export const childShow = (run: Run) =>
  new Command('show')
    .description('everything about one child: its steps, its machine, its peering, its replica')
    .addArgument(child())
    .action(
      run(async (session, named) => {
        const view = await viewChild(session, named)
        return { data: plainChildView(view), text: (canvas) => childSheet(view, canvas) }
      }),
    )

import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

/** How many places in the source can be told apart; the parsers here have a few hundred. */
const PLACES = 1 << 16;
const COUNTERS = '__fuzzCounters';

const SHORT_CIRCUITS = new Set<ts.SyntaxKind>([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
]);

/** What the code under test did since it was last asked. */
export interface Coverage {
  /**
   * Compares the last run with all before it and forgets it.
   *
   * @returns how many features are new: a place reached, or reached in another order of magnitude of times
   */
  takeNew(): number;
  /** Features seen so far. */
  readonly features: number;
}

/**
 * Counts, from now on, every branch taken in modules below `folder` that are imported after this call. Tests and
 * their tools, which are not what is fuzzed, are left alone.
 */
export function instrument(folder: string): Coverage {
  const prefix = pathToFileURL(`${folder}/`).href;
  const counters = new Uint8Array(PLACES);
  Object.assign(globalThis, { [COUNTERS]: counters });
  let places = 0;
  registerHooks({
    load(url, context, nextLoad) {
      const isTarget = url.startsWith(prefix) && url.endsWith('.ts') && !/\/testing\/|\.test\.ts$/.test(url);
      if (!isTarget) return nextLoad(url, context);
      const source = countBranches(readFileSync(fileURLToPath(url), 'utf8'), () => places++);
      if (places > PLACES) throw new Error(`Cannot instrument ${url}: more than ${PLACES} branches`);
      return { format: 'module', source, shortCircuit: true };
    },
  });
  return new CounterCoverage(counters, () => places);
}

class CounterCoverage implements Coverage {
  features = 0;
  readonly #counters: Uint8Array;
  readonly #places: () => number;
  readonly #seen = new Uint8Array(PLACES);

  constructor(counters: Uint8Array, places: () => number) {
    this.#counters = counters;
    this.#places = places;
  }

  takeNew(): number {
    let fresh = 0;
    for (let place = this.#places() - 1; place >= 0; place--) {
      const count = this.#counters[place]!;
      if (count === 0) continue;
      // One bit for each power of two: 1, 2 to 3, 4 to 7 times, and so on.
      const bit = 1 << (31 - Math.clz32(count));
      if ((this.#seen[place]! & bit) === 0) fresh++;
      this.#seen[place]! |= bit;
      this.#counters[place] = 0;
    }
    this.features += fresh;
    return fresh;
  }
}

/** The module as JavaScript, with a counter in every function, branch, loop and short circuit. */
export function countBranches(source: string, nextPlace: () => number): string {
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: {
      target: ts.ScriptTarget.ESNext,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
    transformers: { before: [(context) => (file) => countIn(file, context, nextPlace)] },
  });
  return `const ${COUNTERS} = globalThis.${COUNTERS};\n${outputText}`;
}

function countIn(file: ts.SourceFile, context: ts.TransformationContext, nextPlace: () => number) {
  const { factory } = context;
  const count = () => {
    const place = factory.createNumericLiteral(nextPlace());
    return factory.createPostfixIncrement(
      factory.createElementAccessExpression(factory.createIdentifier(COUNTERS), place),
    );
  };
  const counted = (expression: ts.Expression) =>
    factory.createParenthesizedExpression(factory.createComma(count(), expression));
  const branch = (statement: ts.Statement) =>
    factory.createBlock([factory.createExpressionStatement(count()), statement]);

  const visit = (node: ts.Node): ts.Node => mark(ts.visitEachChild(node, visit, context));
  const mark = (node: ts.Node): ts.Node => {
    if (ts.isIfStatement(node)) {
      const otherwise = branch(node.elseStatement ?? factory.createEmptyStatement());
      return factory.updateIfStatement(node, node.expression, branch(node.thenStatement), otherwise);
    }
    if (ts.isConditionalExpression(node))
      return factory.updateConditionalExpression(
        node,
        node.condition,
        node.questionToken,
        counted(node.whenTrue),
        node.colonToken,
        counted(node.whenFalse),
      );
    if (ts.isBinaryExpression(node) && SHORT_CIRCUITS.has(node.operatorToken.kind))
      return factory.updateBinaryExpression(node, node.left, node.operatorToken, counted(node.right));
    if (ts.isCaseOrDefaultClause(node)) return markClause(node);
    if (ts.isArrowFunction(node) && !ts.isBlock(node.body))
      return factory.updateArrowFunction(
        node,
        node.modifiers,
        node.typeParameters,
        node.parameters,
        node.type,
        node.equalsGreaterThanToken,
        counted(node.body),
      );
    if (ts.isBlock(node))
      return factory.updateBlock(node, [factory.createExpressionStatement(count()), ...node.statements]);
    return ts.isForStatement(node) || ts.isForOfStatement(node) || ts.isWhileStatement(node)
      ? markLoop(node)
      : node;
  };
  const markClause = (node: ts.CaseOrDefaultClause) => {
    const statements = [factory.createExpressionStatement(count()), ...node.statements];
    return ts.isCaseClause(node)
      ? factory.updateCaseClause(node, node.expression, statements)
      : factory.updateDefaultClause(node, statements);
  };
  const markLoop = (node: ts.ForStatement | ts.ForOfStatement | ts.WhileStatement) => {
    const body = branch(node.statement);
    if (ts.isWhileStatement(node)) return factory.updateWhileStatement(node, node.expression, body);
    if (ts.isForOfStatement(node))
      return factory.updateForOfStatement(node, node.awaitModifier, node.initializer, node.expression, body);
    return factory.updateForStatement(node, node.initializer, node.condition, node.incrementor, body);
  };
  return ts.visitEachChild(file, visit, context);
}

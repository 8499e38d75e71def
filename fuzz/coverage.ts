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
  const marker = new BranchMarker(context.factory, nextPlace);
  const visit = (node: ts.Node): ts.Node => marker.mark(ts.visitEachChild(node, visit, context));
  return ts.visitEachChild(file, visit, context);
}

/** Rewrites a node, whose children are rewritten already, so that each way through it is counted. */
class BranchMarker {
  readonly #factory: ts.NodeFactory;
  readonly #nextPlace: () => number;

  constructor(factory: ts.NodeFactory, nextPlace: () => number) {
    this.#factory = factory;
    this.#nextPlace = nextPlace;
  }

  mark(node: ts.Node): ts.Node {
    const factory = this.#factory;
    if (ts.isBlock(node)) return factory.updateBlock(node, [this.#statement(), ...node.statements]);
    if (ts.isIfStatement(node)) return this.#if(node);
    if (ts.isConditionalExpression(node)) return this.#conditional(node);
    if (ts.isArrowFunction(node)) return this.#arrow(node);
    if (ts.isWhileStatement(node))
      return factory.updateWhileStatement(node, node.expression, this.#branch(node.statement));
    if (ts.isForOfStatement(node) || ts.isForStatement(node)) return this.#for(node);
    if (ts.isCaseClause(node))
      return factory.updateCaseClause(node, node.expression, [this.#statement(), ...node.statements]);
    if (ts.isDefaultClause(node))
      return factory.updateDefaultClause(node, [this.#statement(), ...node.statements]);
    if (ts.isBinaryExpression(node) && SHORT_CIRCUITS.has(node.operatorToken.kind))
      return factory.updateBinaryExpression(node, node.left, node.operatorToken, this.#counted(node.right));
    return node;
  }

  #if(node: ts.IfStatement): ts.Node {
    const otherwise = node.elseStatement ?? this.#factory.createEmptyStatement();
    const branches = [this.#branch(node.thenStatement), this.#branch(otherwise)] as const;
    return this.#factory.updateIfStatement(node, node.expression, ...branches);
  }

  #conditional(node: ts.ConditionalExpression): ts.Node {
    const { condition, questionToken, colonToken } = node;
    const [yes, no] = [this.#counted(node.whenTrue), this.#counted(node.whenFalse)];
    return this.#factory.updateConditionalExpression(node, condition, questionToken, yes, colonToken, no);
  }

  #for(node: ts.ForStatement | ts.ForOfStatement): ts.Node {
    const body = this.#branch(node.statement);
    if (ts.isForStatement(node))
      return this.#factory.updateForStatement(node, node.initializer, node.condition, node.incrementor, body);
    const { awaitModifier, initializer, expression } = node;
    return this.#factory.updateForOfStatement(node, awaitModifier, initializer, expression, body);
  }

  #arrow(node: ts.ArrowFunction): ts.Node {
    const { modifiers, typeParameters, parameters, type, equalsGreaterThanToken, body } = node;
    if (ts.isBlock(body)) return node;
    return this.#factory.updateArrowFunction(
      node,
      modifiers,
      typeParameters,
      parameters,
      type,
      equalsGreaterThanToken,
      this.#counted(body),
    );
  }

  #branch(statement: ts.Statement): ts.Block {
    return this.#factory.createBlock([this.#statement(), statement]);
  }

  #statement(): ts.Statement {
    return this.#factory.createExpressionStatement(this.#count());
  }

  #counted(expression: ts.Expression): ts.Expression {
    return this.#factory.createParenthesizedExpression(this.#factory.createComma(this.#count(), expression));
  }

  #count(): ts.Expression {
    const counters = this.#factory.createIdentifier(COUNTERS);
    const place = this.#factory.createNumericLiteral(this.#nextPlace());
    return this.#factory.createPostfixIncrement(this.#factory.createElementAccessExpression(counters, place));
  }
}

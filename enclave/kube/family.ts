import type { KubernetesObject } from '@kubernetes/client-node';
import { controllerOf } from './essence.ts';

/** A CronJob makes Jobs that make pods. What claims to be its own maker's maker leads no further. */
const GENERATIONS = 2;

/** Objects, and which of them a controller made for which: what a watch tells of one may come before the other. */
export class Family {
  readonly #objects = new Map<string, KubernetesObject>();
  /** By who made them, whether that is known or not. */
  readonly #made = new Map<string, Set<string>>();

  get(uid: string | undefined): KubernetesObject | undefined {
    return this.#objects.get(uid ?? '');
  }

  put(object: KubernetesObject): void {
    this.remove(object); // another controller may have adopted it
    const uid = object.metadata?.uid ?? '';
    this.#objects.set(uid, object);
    const maker = makerOf(object);
    if (maker !== undefined) this.#made.set(maker, (this.#made.get(maker) ?? new Set()).add(uid));
  }

  remove({ metadata }: KubernetesObject): void {
    const uid = metadata?.uid ?? '';
    const known = this.#objects.get(uid);
    const maker = known && makerOf(known);
    if (!this.#objects.delete(uid) || maker === undefined) return;
    const made = this.#made.get(maker);
    made?.delete(uid);
    if (made?.size === 0) this.#made.delete(maker);
  }

  /** What was made for an object, and for that in turn. */
  madeFor(object: KubernetesObject, generations = GENERATIONS): KubernetesObject[] {
    if (generations === 0) return [];
    const { namespace, uid } = object.metadata ?? {};
    const made = [...(this.#made.get(`${namespace}/${uid}`) ?? [])].flatMap((each) => this.get(each) ?? []);
    return made.flatMap((each) => [each, ...this.madeFor(each, generations - 1)]);
  }

  /** An object, what it was made for, and what that was made for, as far as that is known. */
  lineOf(object: KubernetesObject, generations = GENERATIONS): KubernetesObject[] {
    const maker = generations > 0 ? this.get(controllerOf(object)?.uid) : undefined;
    return maker === undefined ? [object] : [object, ...this.lineOf(maker, generations - 1)];
  }
}

/** Nothing is made for what is in another namespace, whatever it says. */
function makerOf(object: KubernetesObject): string | undefined {
  const maker = controllerOf(object);
  return maker && `${object.metadata?.namespace}/${maker.uid}`;
}

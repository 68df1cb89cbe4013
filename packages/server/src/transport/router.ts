// Finds the method of a gRPC path and the route of an HTTP path.

import type { GrpcMethod, GrpcService, HttpRoute } from "./port.ts";

export class Router {
  private readonly methods = new Map<string, GrpcMethod>();
  private readonly services = new Set<string>();
  private readonly exact = new Map<string, HttpRoute>();
  private readonly prefixes: HttpRoute[] = [];

  constructor(services: readonly GrpcService[], routes: readonly HttpRoute[]) {
    for (const service of services) {
      this.services.add(service.name);
      for (const method of service.methods) {
        this.methods.set(`/${service.name}/${method.method}`, method);
      }
    }
    for (const route of routes) {
      if (route.path.endsWith("*")) this.prefixes.push(route);
      else this.exact.set(route.path, route);
    }
    this.prefixes.sort((a, b) => b.path.length - a.path.length);
  }

  method(path: string): GrpcMethod | undefined {
    return this.methods.get(path);
  }

  /** Why there is no method at `path`, in gRPC's words. */
  describeMissing(path: string): string {
    const slash = path.lastIndexOf("/");
    if (slash <= 0) return `malformed method name: ${JSON.stringify(path)}`;
    const service = path.slice(1, slash);
    const method = path.slice(slash + 1);
    if (this.services.has(service)) return `unknown method ${method} for service ${service}`;
    return `unknown service ${service}`;
  }

  /** What is there is for those who watch over the member. */
  isForMonitors(path: string): boolean {
    return (this.method(path) ?? this.route(path))?.audience === "monitors";
  }

  route(path: string): HttpRoute | undefined {
    const exact = this.exact.get(path);
    if (exact !== undefined) return exact;
    return this.prefixes.find((route) => path.startsWith(route.path.slice(0, -1)));
  }
}

/** What the modules of this library share; for them alone. */
package dev.holdfast.cache.internal;

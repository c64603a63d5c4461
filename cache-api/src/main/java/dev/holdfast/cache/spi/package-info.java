/** What a store implements, and what it is given. */
package dev.holdfast.cache.spi;

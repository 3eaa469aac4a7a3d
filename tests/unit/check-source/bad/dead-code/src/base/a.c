/* SPDX-License-Identifier: Apache-2.0 */
int a_f(int x)
{
    /* x = g(x); */
    // return x;
#if 0
    x++;
#endif
    /*
     * if (x) {
     */
    /* Sets x, then leaves; callers (there are three) want that. */
    return x;
}
